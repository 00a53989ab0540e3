#include "link/intake.h"

void intake_init(struct intake *intake, const struct settings *settings, int64_t now_us)
{
	token_bucket_init(&intake->messages, (double)settings->max_message_rate * INTAKE_MESSAGES_BURST_S, now_us);
	token_bucket_init(&intake->bytes, (double)settings->max_byte_rate * INTAKE_BYTES_BURST_S, now_us);
}

/* The shortest message is {"msgtype":""} and its LF. The least is what a read is for anyway. */
enum { MESSAGE_BYTES = 15, LEAST_BYTES = 256 };

static double tokens(struct token_bucket *bucket, int64_t rate, int burst_s, int64_t now_us)
{
	double per_second = (double)rate;
	token_bucket_charge(bucket, 0, per_second, per_second * burst_s, now_us);
	return bucket->tokens;
}

size_t intake_room(struct intake *intake, const struct settings *settings, int64_t now_us)
{
	int64_t message_rate = settings->max_message_rate, byte_rate = settings->max_byte_rate;
	double room = (double)SIZE_MAX, bytes;
	if (message_rate != 0)
		room = tokens(&intake->messages, message_rate, INTAKE_MESSAGES_BURST_S, now_us) * MESSAGE_BYTES;
	if (byte_rate != 0 && (bytes = tokens(&intake->bytes, byte_rate, INTAKE_BYTES_BURST_S, now_us)) < room)
		room = bytes;
	if (room < LEAST_BYTES)
		return LEAST_BYTES;
	return room >= (double)SIZE_MAX ? SIZE_MAX : (size_t)room;
}

static int64_t charge(struct token_bucket *bucket, size_t amount, int64_t rate, int burst_s, int64_t now_us)
{
	double per_second = (double)rate;
	return rate == 0 ? 0 : token_bucket_charge(bucket, (double)amount, per_second, per_second * burst_s, now_us);
}

int64_t intake_charge(struct intake *intake, const struct settings *settings, size_t messages, size_t bytes,
		      int64_t now_us)
{
	int64_t for_messages_us =
		charge(&intake->messages, messages, settings->max_message_rate, INTAKE_MESSAGES_BURST_S, now_us);
	int64_t for_bytes_us = charge(&intake->bytes, bytes, settings->max_byte_rate, INTAKE_BYTES_BURST_S, now_us);
	return for_messages_us > for_bytes_us ? for_messages_us : for_bytes_us;
}
