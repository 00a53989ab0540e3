/*
 * What happens when, in virtual time: a heap of calls, ordered by their moment and then by the order in which they were
 * added, so that a run with the same seed is the same run. A call that has become pointless can't be taken out: its
 * mark tells whoever is called.
 */
#ifndef KITH_SIM_AGENDA_H
#define KITH_SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_US ((int64_t)1000)
#define SECOND_US ((int64_t)1000 * 1000)
#define MINUTE_US (60 * SECOND_US)

typedef void agenda_call(void *subject, uint32_t mark);

struct agenda_item {
	int64_t at_us;
	uint64_t serial;
	agenda_call *call;
	void *subject;
	uint32_t mark;
};

struct agenda {
	int64_t now_us;
	uint64_t last_serial;
	uint64_t calls; /* made so far */
	struct agenda_item *heap;
	size_t count, capacity;
};

void agenda_init(struct agenda *agenda, int64_t now_us);
void agenda_fini(struct agenda *agenda);
/* A moment that has passed means now. */
void agenda_add(struct agenda *agenda, int64_t at_us, agenda_call *call, void *subject, uint32_t mark);
/* Makes all calls that are due before until_us, and moves the clock there. */
void agenda_run(struct agenda *agenda, int64_t until_us);

#endif
