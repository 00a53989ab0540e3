/*
 * A descriptor that people or programs read (stdout, stderr), written so that a reader who stalls or goes away stops
 * nothing. Pipes and terminals are opened a second time for that: setting O_NONBLOCK on the descriptor itself would
 * change it for every process that shares it. One thread writes at a time.
 */
#ifndef KITH_OUTPUT_H
#define KITH_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
	int fd;
	bool is_own;	/* fd was opened here */
	bool is_socket; /* as under systemd: written with MSG_DONTWAIT */
	bool is_shared; /* a pipe that couldn't be opened a second time: polled before each write */
};

/* Borrows fd, which stays open as long as the output. */
void output_init(struct output *output, int fd);
void output_fini(struct output *output);

/*
 * Writes what can be written until deadline_us (0: without waiting) and returns how many bytes that was. Gives up early
 * on an error, and when interrupted() says so (asked every 50 ms; may be NULL). If that is not all, errno says why:
 * EAGAIN if the reader did not take it.
 */
size_t output_write(struct output *output, const char *bytes, size_t length, int64_t deadline_us,
		    bool (*interrupted)(void));

#endif
