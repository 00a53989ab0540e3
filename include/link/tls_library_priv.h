/*
 * GnuTLS, behind one door: the one header that includes <gnutls/gnutls.h>. It is loaded when a node has a secret.
 * Linked in, it would double the memory of every node without one: 5.0 MB resident instead of 2.4, and 0.94 MB private
 * instead of 0.49 (/proc/PID/smaps_rollup of kithd, with and without LD_PRELOAD=libgnutls.so.30). The price: the tools
 * that find a package's dependencies don't see it.
 *
 * Threads: tls_library_open writes `gnutls` before any other thread uses it.
 */
#ifndef KITH_TLS_LIBRARY_PRIV_H
#define KITH_TLS_LIBRARY_PRIV_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "base/problem.h"

/* What is used of it; the last three are variables that hold functions. */
#define GNUTLS_SYMBOLS(DO)                                                                                             \
	DO(alert_get);                                                                                                 \
	DO(alert_get_name);                                                                                            \
	DO(alert_send);                                                                                                \
	DO(alert_send_appropriate);                                                                                    \
	DO(bye);                                                                                                       \
	DO(check_version);                                                                                             \
	DO(credentials_set);                                                                                           \
	DO(deinit);                                                                                                    \
	DO(global_deinit);                                                                                             \
	DO(global_init);                                                                                               \
	DO(global_set_log_level);                                                                                      \
	DO(handshake);                                                                                                 \
	DO(handshake_set_max_packet_length);                                                                           \
	DO(init);                                                                                                      \
	DO(kx_get);                                                                                                    \
	DO(priority_deinit);                                                                                           \
	DO(priority_group_list);                                                                                       \
	DO(priority_init);                                                                                             \
	DO(priority_set);                                                                                              \
	DO(protocol_get_version);                                                                                      \
	DO(psk_allocate_client_credentials);                                                                           \
	DO(psk_allocate_server_credentials);                                                                           \
	DO(psk_free_client_credentials);                                                                               \
	DO(psk_free_server_credentials);                                                                               \
	DO(psk_set_client_credentials_function);                                                                       \
	DO(psk_set_server_credentials_function);                                                                       \
	DO(record_check_pending);                                                                                      \
	DO(record_recv);                                                                                               \
	DO(record_send);                                                                                               \
	DO(session_get_ptr);                                                                                           \
	DO(session_set_keylog_function);                                                                               \
	DO(session_set_ptr);                                                                                           \
	DO(strerror);                                                                                                  \
	DO(transport_set_errno);                                                                                       \
	DO(transport_set_ptr);                                                                                         \
	DO(transport_set_pull_function);                                                                               \
	DO(transport_set_push_function);                                                                               \
	DO(free);                                                                                                      \
	DO(malloc);                                                                                                    \
	DO(strdup)

#define DECLARE(name) __typeof__ (&gnutls_##name)(name)
struct tls_library {
	void *handle;
	GNUTLS_SYMBOLS(DECLARE);
};
#undef DECLARE

extern struct tls_library gnutls;

/* Each open that succeeds is paired with a close. */
bool tls_library_open(struct problem *problem);
/* The library stays in memory, since it has things of each thread that has used it. */
void tls_library_close(void);

#endif
