/*
 * Admission: with whom this node has anything to do at all. The blocks of addresses of the settings allow and deny, and
 * the hosts that are banned for a while since they broke the protocol again and again.
 *
 * The life of a host in here: it enters with its first protocol error, moves to the end of the queue with each further
 * one, is banned when there have been ban_after within ADMISSION_WINDOW_US, and leaves when ADMISSION_HOSTS others have
 * erred after it. Its weakness: who has more hosts than that can have bans forgotten.
 *
 * Any thread may call; nothing blocks.
 */
#ifndef KITH_ADMISSION_H
#define KITH_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"
#include "wire/address.h"

/* Hosts whose protocol errors are remembered. */
enum { ADMISSION_HOSTS = 1024 };

#define ADMISSION_WINDOW_US ((int64_t)3600 * 1000 * 1000)

struct admission;

/* Borrows the settings, of which it copies the lists. NULL if there is no memory. */
struct admission *admission_new(const struct settings *settings);
void admission_free(struct admission *admission);
/* By the thread that changes the settings: takes over their lists. False if there is no memory: they stay as they were.
 */
bool admission_set_lists(struct admission *admission, const struct settings *settings);

/* Do the lists let this host be dialled, and connect? allow has it or is empty, and deny doesn't have it. */
bool admission_allows(struct admission *admission, const struct address *host);
bool admission_is_banned(struct admission *admission, const struct address *host, int64_t now_us);
/*
 * A connection that came from this host has ended in a protocol error; true if it is banned for that. 127.0.0.1 and
 * ::1, from where the operator tries things out, never are.
 */
bool admission_note_error(struct admission *admission, const struct address *host, int64_t now_us);

#endif
