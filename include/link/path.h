/*
 * The path of a TCP connection, as the kernel sees it: does it lose large packets? That is what a hop with a smaller
 * MTU does if the ICMP messages that tell of it are lost: handshakes get through, and long lines never do.
 */
#ifndef KITH_PATH_H
#define KITH_PATH_H

#include <stdbool.h>
#include <stdint.h>

/* From TCP_INFO. */
struct path {
	uint32_t unacknowledged_bytes; /* written, and not acknowledged by the far end */
	unsigned retransmits;	       /* of the same segment, in a row */
	int64_t rto_us;		       /* from the last of them to the next; it doubles with each */
	int64_t heard_us;	       /* how long ago a segment of the far end came */
};

/* False if there is no connection. */
bool path_look(int fd, struct path *path);
/*
 * Is something longer than a ping sent again and again and never acknowledged, although segments of the far end have
 * come since that began? All retransmissions together have lasted about as long as the next one waits, so what came
 * within half of that came after the first.
 */
bool path_loses_large(const struct path *path);

#endif
