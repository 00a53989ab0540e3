#include "agenda.h"

#include <stdlib.h>

#include "base/must.h"

/* A flatter heap than a binary one misses the cache less often. */
enum { CHILDREN = 4 };

void agenda_init(struct agenda *agenda, int64_t now_us)
{
	*agenda = (struct agenda){.now_us = now_us};
}

void agenda_fini(struct agenda *agenda)
{
	free(agenda->heap);
}

static bool is_before(const struct agenda_item *one, const struct agenda_item *other)
{
	return one->at_us != other->at_us ? one->at_us < other->at_us : one->serial < other->serial;
}

void agenda_add(struct agenda *agenda, int64_t at_us, agenda_call *call, void *subject, uint32_t mark)
{
	if (agenda->count == agenda->capacity) {
		agenda->capacity = agenda->capacity * 2 + 1024;
		agenda->heap = realloc(agenda->heap, agenda->capacity * sizeof *agenda->heap);
		must(agenda->heap != NULL);
	}
	struct agenda_item item = {.at_us = at_us < agenda->now_us ? agenda->now_us : at_us,
				   .serial = ++agenda->last_serial,
				   .call = call,
				   .subject = subject,
				   .mark = mark};
	size_t place = agenda->count++;
	while (place > 0 && is_before(&item, &agenda->heap[(place - 1) / CHILDREN])) {
		agenda->heap[place] = agenda->heap[(place - 1) / CHILDREN];
		place = (place - 1) / CHILDREN;
	}
	agenda->heap[place] = item;
}

static struct agenda_item take_first(struct agenda *agenda)
{
	struct agenda_item first = agenda->heap[0];
	struct agenda_item last = agenda->heap[--agenda->count];
	size_t place = 0, child;
	while ((child = place * CHILDREN + 1) < agenda->count) {
		size_t least = child;
		for (size_t i = child + 1; i < child + CHILDREN && i < agenda->count; i++)
			if (is_before(&agenda->heap[i], &agenda->heap[least]))
				least = i;
		if (!is_before(&agenda->heap[least], &last))
			break;
		agenda->heap[place] = agenda->heap[least];
		place = least;
	}
	agenda->heap[place] = last;
	return first;
}

void agenda_run(struct agenda *agenda, int64_t until_us)
{
	while (agenda->count > 0 && agenda->heap[0].at_us < until_us) {
		struct agenda_item item = take_first(agenda);
		agenda->now_us = item.at_us;
		agenda->calls++;
		item.call(item.subject, item.mark);
	}
	agenda->now_us = until_us;
}
