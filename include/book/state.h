/*
 * The folder where a node keeps what must survive a restart: its nodeid, if that is to stay the same, and its address
 * book. Files are replaced whole or not at all, are readable by this user alone, and a damaged one is set aside as
 * NAME.bad. A lock that ends with the process keeps a second node out. One thread at a time may save; everything here
 * waits for the disk.
 */
#ifndef KITH_STATE_H
#define KITH_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "book/address_record.h"
#include "wire/nodeid.h"

#define STATE_NODEID_FILE "nodeid"
#define STATE_PORTS_FILE "ports"
#define STATE_ADDRESSES_FILE "addresses.json"

struct problem;
struct state;

/*
 * Opens the folder, makes it where only its last part is missing, and locks it. NULL with a problem that says
 * what is wrong and what to do; it quotes dir, so it has to be escaped where it is shown.
 */
struct state *state_open(const char *dir, struct problem *problem);
void state_close(struct state *state);
const char *state_dir(const struct state *state);

/* The nodeid that is kept; where there is none, a new one is made and kept. False with a problem. */
bool state_nodeid(struct state *state, struct nodeid *nodeid, struct problem *problem);

/*
 * The ports that the system chose for the addresses of listen, each at its place in that list: 0 for none. What cannot
 * be read is none; what cannot be written is logged.
 */
void state_load_ports(const struct state *state, uint16_t *ports, size_t count);
void state_save_ports(const struct state *state, const uint16_t *ports, size_t count);

/*
 * The addresses that are kept, most at the most. What can't be read is logged and set aside, so that no save replaces
 * it; then there are none, or fewer.
 */
void state_load_addresses(struct state *state, size_t most, struct address_records *records);
/*
 * False with a problem that doesn't name the file, which is then as it was, or the new one that might not outlast the
 * machine.
 */
bool state_save_addresses(struct state *state, const struct address_records *records, struct problem *problem);

/* The path still leads to the folder that is open: it was not removed, renamed or mounted over. */
bool state_is_in_place(const struct state *state);
/*
 * Opens the folder at the path anew, as state_open does, and keeps the nodeid there if it has none. False with a
 * problem; the old folder is then still open.
 */
bool state_move(struct state *state, struct problem *problem);

#endif
