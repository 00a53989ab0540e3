#include "five.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"

void five_start(struct core *core)
{
	core_init(core, 5, "127.0.0.1:5999");
	core_start(core);
}

struct peer_info five_look(const struct core *core, struct peer *peer)
{
	return peer_look(peer, core->now_us);
}

const char *five_listen_of(const struct core *core, struct peer *peer)
{
	return address_text(five_look(core, peer).listen);
}

void five_prove(struct core *core, unsigned number)
{
	struct next_dial next;
	while ((next = address_book_pick(core->book, ADDRESS_BOOK_FEELERS, core->now_us)).is_due) {
		CU_ASSERT_FATAL(next.dial.kind == DIAL_PROOF_CLAIM);
		struct address from = core->listen[0];
		from.port = 40000;
		struct peer *feeler = core_connect(core, PEER_OUTBOUND, &next.dial, address_text(from),
						   address_text(next.dial.address));
		core_say_hello(core, feeler, number, 0);
		take_all(feeler);
		core_end(core, feeler);
	}
}

const char *five_dials_next(struct core *core)
{
	struct peer *peer = core_dial_next(core);
	return peer == NULL ? "-" : address_text(peer_dial(peer)->address);
}

void five_expect_dialled(const char *file, int line, struct core *core, const char *one, const char *other)
{
	char first[ADDRESS_TEXT_BYTES];
	snprintf(first, sizeof first, "%s", five_dials_next(core));
	bool is_other = strcmp(first, other) == 0;
	expect_text(file, line, first, is_other ? other : one);
	expect_text(file, line, five_dials_next(core), is_other ? one : other);
}

int64_t five_redial_after_us(struct core *core, const char *address)
{
	int64_t end_us = core->now_us + 2 * core->settings.retry_max_us, start_us = core->now_us;
	struct peer *peer = NULL;
	while (peer == NULL && core->now_us < end_us) {
		peer = core_dial_next(core);
		core->now_us += peer == NULL ? 10 * MS_US : 0;
	}
	if (peer == NULL)
		return FOREVER_US;
	EXPECT_TEXT(address_text(peer_dial(peer)->address), address);
	return core->now_us - start_us;
}

bool five_is_back_off(int64_t after_us)
{
	return after_us >= SECOND_US && after_us <= 2 * SECOND_US + 10 * MS_US;
}

size_t five_count_lines(const char *text)
{
	size_t count = 0;
	for (; (text = strchr(text, '\n')) != NULL; text++)
		count++;
	return count;
}
