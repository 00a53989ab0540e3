#include <errno.h>
#include <glob.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/privilege.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "settings/secret.h"
#include "suites.h"
#include "tls_record.h"
#include "wire/address.h"

/* Private networks: nodes with a secret_file. */

#define NO_MEMBER "does not hold this network's secret"
#define PLAIN_TEXT "speaks plain text, this node has a secret_file"
#define SPEAKS_TLS "speaks TLS, this node has no secret_file"
#define QUICK "-o retry_min=0.05 -o retry_max=0.2"

/* A secret that no other test has, as a line. */
static const char *new_secret(void)
{
	char text[SECRET_TEXT_BYTES];
	if (!secret_new(text))
		harness_fail("no random numbers");
	return harness_text("%s\n", text);
}

static void write_file(const char *path, const char *lines)
{
	FILE *file = fopen(path, "w");
	if (file == NULL || fputs(lines, file) == EOF || fclose(file) != 0)
		harness_fail("cannot write %s", path);
}

static struct kithd *start_private(const char *secrets, const char *options)
{
	return kithd_start("-o secret_file=%s %s %s", harness_write_file(secrets), QUICK, options);
}

static struct kithd *start_next_to(struct kithd *other, const char *secrets)
{
	return start_private(secrets, harness_text("-b %s", kithd_address(other)));
}

static bool has_logged(struct kithd *kithd, const char *level, const char *what)
{
	return kithd_log_count(kithd, harness_text(" %s ", level), what) > 0;
}

/* ---- who is a member ---- */

static void test_members_meet(void)
{
	const char *secret = new_secret();
	struct kithd *one = start_private(secret, ""), *other = start_next_to(one, secret);
	struct kithd *third = start_next_to(other, harness_text("# hex, then base64\n%s", secret));
	AWAIT(kithd_peers(one) == 2 && kithd_peers(other) == 2 && kithd_peers(third) == 2);
	AWAIT(kithd_cell_number(other, kithd_nodeid(one), "RTT_MS") > 0);
	kithd_stop(third, SIGTERM);
	AWAIT(kithd_log_count(one, "left: it is shutting down", "") == 1 && kithd_peers(other) == 1);
	kithd_signal(other, SIGKILL);
	AWAIT(kithd_log_crashes(one) == 1 && kithd_peers(one) == 0);
	CU_ASSERT_EQUAL(kithd_wait(other), 128 + SIGKILL);
}

static void test_another_secret(void)
{
	struct kithd *node = start_private(new_secret(), "");
	struct kithd *stranger = start_next_to(node, new_secret());
	AWAIT(has_logged(node, "warning", NO_MEMBER));
	AWAIT(has_logged(stranger, "info ", harness_text("%s " NO_MEMBER, kithd_address(node))));
	CU_ASSERT_EQUAL(kithd_peers(node), 0);
	CU_ASSERT_EQUAL(kithd_peers(stranger), 0);
}

static void test_plain_and_private(void)
{
	struct kithd *private = start_private(new_secret(), ""), *plain = kithd_start(QUICK);
	struct kithd *private_dials = start_next_to(plain, new_secret());
	struct kithd *plain_dials = kithd_start("-b %s %s", kithd_address(private), QUICK);
	AWAIT(has_logged(private, "warning", PLAIN_TEXT));
	AWAIT(has_logged(plain_dials, "info ", harness_text("%s " SPEAKS_TLS, kithd_address(private))));
	AWAIT(has_logged(plain, "warning", SPEAKS_TLS));
	AWAIT(has_logged(private_dials, "info ", harness_text("%s " PLAIN_TEXT, kithd_address(plain))));
	struct kithd *all[] = {private, plain, private_dials, plain_dials};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		CU_ASSERT_EQUAL(kithd_peers(all[i]), 0);
	/* Nobody is banned for it, though it comes more often than ban_after. */
	AWAIT(kithd_log_count(private, " warning ", PLAIN_TEXT) > 6 &&
	      kithd_log_count(plain, " warning ", SPEAKS_TLS) > 6);
	CU_ASSERT_EQUAL(kithd_log_count(plain, "banned", "") + kithd_log_count(private, "banned", ""), 0);
}

/* An alert of TLS, 7 bytes, and no message. */
static void test_a_stranger_gets_no_message(void)
{
	struct kithd *node = start_private(new_secret(), "");
	struct raw *stranger = raw_connect(kithd_address(node));
	unsigned char bytes[256] = {0};
	size_t length = 0;
	ssize_t n;
	raw_send_hello(stranger, ALICE, "");
	struct pollfd ready = {.fd = raw_fd(stranger), .events = POLLIN};
	while (poll(&ready, 1, (int)(HARNESS_PATIENCE_S * 1000 * harness_slowness())) > 0 && length < sizeof bytes &&
	       (n = recv(ready.fd, bytes + length, sizeof bytes - length, 0)) > 0)
		length += (size_t)n;
	CU_ASSERT_EQUAL(length, 7);
	CU_ASSERT_EQUAL(bytes[0], 21);
	CU_ASSERT_PTR_NULL(memchr(bytes, '{', length));
}

/* ---- the file ---- */

static void test_bad_file_at_the_start(void)
{
	const char *path = harness_write_file("0001\n");
	struct kithd *kithd = kithd_run("-o secret_file=%s", path);
	CU_ASSERT_EQUAL(kithd_wait(kithd), EX_CONFIG);
	CU_ASSERT_STRING_EQUAL(kithd_log(kithd),
			       harness_text("kithd: %s:1: a secret has at least 32 bytes, and this is 2: "
					    "run kithd --new-secret\n",
					    path));
	write_file(path, new_secret());
	chmod(path, 0660);
	kithd = kithd_run("-t -o secret_file=%s", path);
	CU_ASSERT_EQUAL(kithd_wait(kithd), EX_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(kithd_log(kithd), harness_text("run chmod 600 '%s'", path)));
	CU_ASSERT_EQUAL(system(harness_text("chmod 600 '%s'", path)), 0);
	kithd = kithd_run("-t -o secret_file=%s", path);
	CU_ASSERT_EQUAL(kithd_wait(kithd), EX_OK);
}

static void reload(struct kithd *kithd, const char *line)
{
	size_t before = kithd_log_count(kithd, line, "");
	kithd_signal(kithd, SIGHUP);
	AWAIT(kithd_log_count(kithd, line, "") > before);
}

static void test_bad_file_at_a_reload(void)
{
	const char *secret = new_secret(), *path = harness_write_file(secret), *conf = harness_write_file("");
	struct kithd *node = kithd_start("-c %s -o secret_file=%s", conf, path);
	struct kithd *peer = start_next_to(node, secret);
	AWAIT(kithd_peers(node) == 1);
	write_file(path, "no secret\n");
	reload(node, harness_text(" error the secrets stay as they were: %s:1: ", path));
	CU_ASSERT_EQUAL(unlink(path), 0);
	reload(node, harness_text(" error the secrets stay as they were: cannot read \"%s\": ", path));
	struct kithd *late = start_next_to(node, secret);
	AWAIT(kithd_peers(node) == 2 && kithd_peers(late) == 2 && kithd_peers(peer) == 2);
	write_file(path, secret);
	chmod(path, 0600);
	size_t before = kithd_log_count(node, "the settings are read again", "");
	reload(node, "the secrets are read again and are the same: dials with secret ");
	CU_ASSERT_EQUAL(kithd_log_count(node, "the settings are read again", ""), before + 1);
	CU_ASSERT_EQUAL(kithd_log_count(node, "the secrets are read again", ""), 1);
}

/* Base64 may begin with a slash, as a path does. */
static void test_secret_in_the_place_of_its_file(void)
{
	static const char secret[] = "/BWx+8BsLnQ2YkYwZ4m5c8y1k9W0b3hN6e7tRqTjUvE=";
	const char *conf = harness_write_file(harness_text("secret_file = \"%s\";", secret));
	struct kithd *kithd = kithd_run("-c %s", conf);
	CU_ASSERT_EQUAL(kithd_wait(kithd), EX_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(kithd_log(kithd), "secret_file seems to be a secret"));
	CU_ASSERT_PTR_NULL(strstr(kithd_log(kithd), "BWx"));
	write_file(conf, "");
	struct kithd *node = kithd_start("-c %s", conf);
	write_file(conf, harness_text("secret_file = \"%s\";", secret));
	reload(node, "secret_file: \"\" stays until a restart; the file says otherwise");
	kithd_stop(node, SIGTERM);
	CU_ASSERT_PTR_NULL(strstr(kithd_log(node), "BWx"));
}

/* Neither its lack nor an error in it keeps the secrets from being read. */
static void test_reload_without_a_good_settings_file(void)
{
	const char *bad = harness_write_file("");
	const char *const options[] = {"", harness_text("-c %s", bad)};
	const char *const logged[] = {"settings are not read again: there is no", "settings are not read again: "};
	if (!harness_can(access("/etc/kith/kith.conf", F_OK) != 0, "no settings file", "there is one"))
		return;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const char *secret = new_secret(), *path = harness_write_file(new_secret());
		write_file(bad, "");
		struct kithd *node = kithd_start("-o secret_file=%s %s", path, options[i]);
		write_file(bad, "no setting");
		write_file(path, secret);
		reload(node, "the secrets are read again and have changed: dials with secret ");
		CU_ASSERT_EQUAL(kithd_log_count(node, logged[i], ""), 1);
		start_next_to(node, secret);
		AWAIT(kithd_peers(node) == 1);
	}
}

/* A policy as an administrator may write it. */
static void test_a_policy_that_forbids_tls(void)
{
	static const char *const policies[] = {
		"[overrides]\ndisabled-version = tls1.3\n",
		"[overrides]\ntls-disabled-cipher = aes-128-gcm\ntls-disabled-cipher = chacha20-poly1305\n",
		"[overrides]\ntls-disabled-group = group-x25519\ntls-disabled-group = group-secp256r1\n",
	};
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		const char *secrets = harness_write_file(new_secret());
		setenv("GNUTLS_SYSTEM_PRIORITY_FILE", harness_write_file(policies[i]), 1);
		struct kithd *kithd = kithd_run("-l %s -o secret_file=%s", harness_address(), secrets);
		unsetenv("GNUTLS_SYSTEM_PRIORITY_FILE");
		int status = kithd_wait(kithd);
		EXPECT(status == EX_OSERR, "policy %zu: %d", i, status);
		EXPECT(strstr(kithd_log(kithd), "kithd: cannot start: this machine's policy for GnuTLS allows no TLS "
						"1.3 with ") != NULL,
		       "policy %zu: %s", i, kithd_log(kithd));
	}
}

/* An empty file has its name: there is no other way to hide a library from a process. */
static void test_a_machine_without_gnutls(void)
{
	const char *folder = harness_make_folder(), *secrets = harness_write_file(new_secret());
	write_file(harness_text("%s/libgnutls.so.30", folder), "");
	setenv("LD_LIBRARY_PATH", folder, 1);
	struct kithd *kithd = kithd_run("-l %s -o secret_file=%s", harness_address(), secrets);
	struct kithd *tested = kithd_run("-t -o secret_file=%s", secrets);
	struct kithd *plain = kithd_plain();
	unsetenv("LD_LIBRARY_PATH");
	CU_ASSERT_EQUAL(kithd_wait(kithd), EX_OSERR);
	EXPECT(strstr(kithd_log(kithd), "kithd: cannot start: secret_file needs GnuTLS 3.6.13 or later: ") != NULL,
	       "%s", kithd_log(kithd));
	CU_ASSERT_EQUAL(kithd_wait(tested), EX_OSERR);
	CU_ASSERT_PTR_NOT_NULL(strstr(kithd_log(tested), "libgnutls.so.30: file too short"));
	kithd_stop(plain, SIGTERM);
}

/* ---- rotation ---- */

enum { NODES = 5 };

struct mesh {
	struct kithd *nodes[NODES];
	const char *paths[NODES];
};

static void mesh_start(struct mesh *mesh, const char *secrets)
{
	const char *conf = harness_write_file("");
	for (int i = 0; i < NODES; i++) {
		const char *first = i == 0 ? "" : harness_text("-b %s", kithd_address(mesh->nodes[0]));
		mesh->paths[i] = harness_write_file(secrets);
		mesh->nodes[i] = kithd_start("-c %s -o secret_file=%s %s %s", conf, mesh->paths[i], QUICK, first);
	}
	for (int i = 0; i < NODES; i++)
		AWAIT(kithd_peers(mesh->nodes[i]) == NODES - 1);
}

/* What the last reload has said of the secrets. */
static const char *last_secrets(struct kithd *kithd)
{
	static const char begin[] = "the secrets are read again";
	const char *last = "";
	for (const char *found = kithd_log(kithd); (found = strstr(found, begin)) != NULL; found += sizeof begin)
		last = found;
	return last;
}

static void mesh_reload(struct mesh *mesh, const char *secrets, int count)
{
	for (int i = 0; i < NODES; i++) {
		write_file(mesh->paths[i], secrets);
		reload(mesh->nodes[i], "the secrets are read again and have changed: dials with secret ");
		CU_ASSERT((strstr(last_secrets(mesh->nodes[i]), "; also accepts ") != NULL) == (count > 1));
		CU_ASSERT_EQUAL(kithd_peers(mesh->nodes[i]), NODES - 1);
	}
}

/* A node with these secrets joins or doesn't, and leaves. It doesn't listen: where both ends dial, one of the two is a
 * peer twice for a moment. */
static void expect_newcomer(struct mesh *mesh, const char *secrets, bool joins)
{
	struct kithd *newcomer = kithd_run("-o listen= -b %s -o secret_file=%s " QUICK,
					   kithd_address(mesh->nodes[NODES - 1]), harness_write_file(secrets));
	for (int i = 0; i < NODES && joins; i++)
		AWAIT(kithd_peers(mesh->nodes[i]) == NODES);
	if (!joins)
		AWAIT(has_logged(newcomer, "info ", NO_MEMBER));
	AWAIT(kithd_peers(newcomer) == (joins ? NODES : 0));
	kithd_stop(newcomer, SIGTERM);
	for (int i = 0; i < NODES; i++)
		AWAIT(kithd_peers(mesh->nodes[i]) == NODES - 1);
}

static void test_rotation(void)
{
	const char *old = new_secret(), *new = new_secret();
	struct mesh mesh = {0};
	mesh_start(&mesh, old);
	expect_newcomer(&mesh, new, false);
	mesh_reload(&mesh, harness_text("%s%s", old, new), 2);
	expect_newcomer(&mesh, old, true);
	mesh_reload(&mesh, harness_text("%s%s", new, old), 2);
	expect_newcomer(&mesh, old, true);
	expect_newcomer(&mesh, new, true);
	mesh_reload(&mesh, new, 1);
	expect_newcomer(&mesh, new, true);
	expect_newcomer(&mesh, old, false);
	for (int i = 0; i < NODES; i++) {
		/* Nobody but the four newcomers has gone. */
		AWAIT(kithd_log_count(mesh.nodes[i], ") left: it is shutting down", "") == 4);
		CU_ASSERT_EQUAL(kithd_log_count(mesh.nodes[i], ") failed: ", ""), 0);
		CU_ASSERT_EQUAL(kithd_log_count(mesh.nodes[i], ") is disconnected: ", ""), 0);
	}
}

/* ---- handshakes that fail ---- */

enum { FAILURES = 250, AT_ONCE = 50, MOST_MORE_KIB = 4096 };

#define NODE_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK"

/* A client on GnuTLS of the test's own, on a socket that blocks. */
static gnutls_session_t session_new(int fd, const char *priorities, const char *secret_line, const char *identity,
				    gnutls_psk_client_credentials_t *credentials)
{
	gnutls_session_t session;
	char hex[SECRET_TEXT_BYTES];
	snprintf(hex, sizeof hex, "%.64s", secret_line);
	gnutls_datum_t key = {.data = (unsigned char *)hex, .size = SECRET_TEXT_BYTES - 1};
	gnutls_psk_allocate_client_credentials(credentials);
	gnutls_psk_set_client_credentials(*credentials, identity, &key, GNUTLS_PSK_KEY_HEX);
	gnutls_init(&session, GNUTLS_CLIENT);
	if (gnutls_priority_set_direct(session, priorities, NULL) != 0)
		harness_fail("GnuTLS does not know \"%s\"", priorities);
	gnutls_credentials_set(session, GNUTLS_CRD_PSK, *credentials);
	gnutls_transport_set_int(session, fd);
	gnutls_handshake_set_timeout(session, (unsigned)(HARNESS_PATIENCE_S * 1000 * harness_slowness()));
	return session;
}

static int finish_handshake(gnutls_session_t session)
{
	int result;
	do
		result = gnutls_handshake(session);
	while (result < 0 && !gnutls_error_is_fatal(result));
	return result;
}

/* How its handshake ends. */
static int shake_hands(int fd, const char *priorities, const char *secret_line, const char *identity)
{
	gnutls_psk_client_credentials_t credentials;
	gnutls_certificate_credentials_t none;
	gnutls_session_t session = session_new(fd, priorities, secret_line, identity, &credentials);
	gnutls_certificate_allocate_credentials(&none);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, none);
	int result = finish_handshake(session);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(none);
	gnutls_psk_free_client_credentials(credentials);
	return result;
}

static const struct failure {
	const char *name;
	const char *priorities; /* NULL for one that sends these bytes */
	const char *bytes;
	size_t length;
	bool waits; /* for the node to close */
} failures[] = {
	{"no secret", "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL, 0, false},
	{"another secret", NODE_PRIORITIES, NULL, 0, false},
	{"TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK:+PSK", NULL, 0, false},
	{"plain text", NULL, "{\"msgtype\":\"hello\",\"nodeid\":\"" ALICE "\"}\n", 68, true},
	{"silence", NULL, "", 0, true},
	{"garbage", NULL, "\x8f\x02\x16\xff\x00\x7f", 6, true},
	{"half a record", NULL, "\x16\x03\x01\x02\x00\x01\x00\x01", 8, true},
	{"half a record, and gone", NULL, "\x16\x03\x01\x02\x00\x01\x00\x01", 8, false},
};

/* There are more of these than of raws in a test. */
static int connect_socket(struct kithd *node)
{
	struct address to;
	struct sockaddr_storage remote;
	if (!address_parse(kithd_address(node), &to))
		harness_fail("no address: %s", kithd_address(node));
	socklen_t length = address_to_socket(&to, &remote);
	int fd = socket(remote.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&remote, length) != 0)
		harness_fail("cannot connect: %s", strerror(errno));
	return fd;
}

static void fail_with_tls(struct kithd *node, const struct failure *failure, const char *secret)
{
	int fd = connect_socket(node);
	int result = shake_hands(fd, failure->priorities, secret, "somebody");
	close(fd);
	if (result != GNUTLS_E_FATAL_ALERT_RECEIVED)
		harness_fail("%s: %s", failure->name, gnutls_strerror(result));
}

static void fail_with_bytes(struct kithd *node, const struct failure *failure)
{
	int fds[AT_ONCE];
	char byte;
	for (int i = 0; i < AT_ONCE; i++) {
		fds[i] = connect_socket(node);
		if (send(fds[i], failure->bytes, failure->length, MSG_NOSIGNAL) != (ssize_t)failure->length)
			harness_fail("cannot send: %s", strerror(errno));
	}
	for (int i = 0; i < AT_ONCE; i++) {
		struct pollfd ready = {.fd = fds[i], .events = POLLIN};
		bool keeps =
			failure->waits && poll(&ready, 1, (int)(HARNESS_PATIENCE_S * 1000 * harness_slowness())) <= 0;
		while (failure->waits && !keeps && recv(fds[i], &byte, 1, 0) > 0)
			;
		close(fds[i]);
		if (keeps)
			harness_fail("%s: the node keeps the connection", failure->name);
	}
}

/* Afterwards the node has no more threads, but perhaps a pinger of its peer, and no more descriptors (-1: unknown). */
static void fail_in_each_way(struct kithd *node, const char *secret, int threads, int descriptors)
{
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		for (int done = 0; done < FAILURES; done += failures[i].priorities == NULL ? AT_ONCE : 1) {
			if (failures[i].priorities == NULL)
				fail_with_bytes(node, &failures[i]);
			else
				fail_with_tls(node, &failures[i], secret);
		}
		AWAIT(kithd_entries(node, "task") <= threads + 1);
		AWAIT(descriptors < 0 || kithd_entries(node, "fd") <= descriptors);
		AWAIT(kithd_rows(node, "NODEID", "-") == 0);
		CU_ASSERT_EQUAL(kithd_peers(node), 1);
	}
}

static void test_failed_handshakes_leave_nothing(void)
{
	const char *secret = new_secret(), *other = new_secret();
	double most_s = 0.5 * harness_slowness();
	struct kithd *node = start_private(secret, harness_text("-o handshake_timeout=%g -o max_parked=0", most_s));
	struct kithd *peer = start_next_to(node, secret);
	/* The feeler that has found it where it listens is over. */
	AWAIT(kithd_cell_is(node, kithd_nodeid(peer), "LISTEN", kithd_address(peer)));
	AWAIT(kithd_rows(node, "NODEID", "-") == 0);
	bool sees_all = harness_can(privilege_is_root(), "descriptors and memory", "only root can count them");
	int threads = kithd_entries(node, "task"), descriptors = sees_all ? kithd_entries(node, "fd") : -1;
	/* The first round finds out how many handshakes the node has at once on this machine; that memory is kept. */
	fail_in_each_way(node, other, threads, descriptors);
	long private_kib = sees_all ? kithd_private_kib(node) : 0;
	fail_in_each_way(node, other, threads, descriptors);
	/* A session is 10 kB. A sanitizer has its own ideas of memory, but tells at the end what was lost. */
	long more_kib = sees_all ? kithd_private_kib(node) - private_kib : 0;
	EXPECT(more_kib < MOST_MORE_KIB || harness_slowness() > 1, "%ld KiB more", more_kib);
	struct kithd *late = start_next_to(node, secret);
	AWAIT(kithd_peers(late) == 2 && kithd_peers(peer) == 2);
}

/* They have begun no handshake of TLS when they give way, some before their thread has run at all. */
static void test_silent_strangers_give_way(void)
{
	enum { STRANGERS = 300 };
	const char *secret = new_secret();
	struct kithd *node = start_private(secret, "-o max_handshakes=4 -o handshake_timeout=600");
	int fds[STRANGERS];
	for (int i = 0; i < STRANGERS; i++)
		fds[i] = connect_socket(node);
	struct kithd *member = start_next_to(node, secret);
	AWAIT(kithd_peers(member) == 1);
	CU_ASSERT(kithd_rows(node, "NODEID", "-") <= 4);
	for (int i = 0; i < STRANGERS; i++)
		close(fds[i]);
}

/* ---- that a secret stays one ---- */

/* Any 8 digits in a row, in either case. */
static void expect_no_secret(const char *text, const char *secret)
{
	char part[9] = "";
	for (size_t i = 0; i + 8 <= strcspn(secret, "\n"); i++) {
		memcpy(part, secret + i, 8);
		if (strcasestr(text, part) != NULL)
			harness_fail("there are digits of a secret in: %s", text);
	}
}

static const char *identity_of(const char *secret)
{
	struct problem problem;
	struct secrets *secrets = secrets_read(harness_write_file(secret), "", &problem);
	const char *identity = harness_text("%s", secrets == NULL ? problem.text : secrets->list[0].identity);
	secrets_free(secrets);
	return identity;
}

static void test_no_secret_is_shown(void)
{
	const char *secret = new_secret(), *other = new_secret(), *bad = new_secret();
	const char *path = harness_write_file(secret), *conf = harness_write_file("");
	const char *keys = harness_write_file("");
	/* What GnuTLS would tell. */
	setenv("SSLKEYLOGFILE", keys, 1);
	setenv("GNUTLS_DEBUG_LEVEL", "9", 1);
	struct kithd *node = kithd_start("-c %s -o secret_file=%s -o log_level=debug", conf, path);
	struct kithd *peer = start_private(secret, harness_text("-v -b %s", kithd_address(node)));
	struct kithd *stranger = start_private(other, harness_text("-v -b %s", kithd_address(node)));
	unsetenv("SSLKEYLOGFILE");
	unsetenv("GNUTLS_DEBUG_LEVEL");
	AWAIT(kithd_peers(peer) == 1 && has_logged(stranger, "info ", NO_MEMBER));
	write_file(path, harness_text("%s0%s", secret, bad));
	reload(node, "the secrets stay as they were");
	write_file(path, harness_text("%s%s", other, secret));
	reload(node, "the secrets are read again and have changed");
	AWAIT(kithd_peers(stranger) == 1);
	struct kithd *all[] = {node, peer, stranger};
	/* Of an identity the log shows the first eight digits, and no more. */
	const char *secrets[] = {secret, other, bad, identity_of(secret) + 1, identity_of(other) + 1};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const char *table = harness_text("%s", kithd_table(all[i]));
		for (size_t j = 0; j < sizeof secrets / sizeof *secrets; j++) {
			expect_no_secret(kithd_log(all[i]), secrets[j]);
			expect_no_secret(table, secrets[j]);
		}
		CU_ASSERT(kithd_log_count(all[i], " debug ", "") > 0);
	}
	CU_ASSERT_STRING_EQUAL(harness_read_file(keys), "");
}

/* ---- how much of a member is read ---- */

static void send_line(gnutls_session_t session, const char *line)
{
	if (gnutls_record_send(session, line, strlen(line)) != (ssize_t)strlen(line))
		harness_fail("cannot send");
}

/* Reads until this has come. */
static void await_text(gnutls_session_t session, const char *wanted)
{
	char text[16384];
	size_t length = 0;
	text[0] = '\0';
	while (strstr(text, wanted) == NULL) {
		ssize_t n = gnutls_record_recv(session, text + length, sizeof text - 1 - length);
		if (n <= 0 && n != GNUTLS_E_AGAIN && n != GNUTLS_E_INTERRUPTED)
			harness_fail("%s instead of %s after %s", gnutls_strerror((int)n), wanted, text);
		length += n > 0 ? (size_t)n : 0;
		text[length] = '\0';
	}
}

/* A raw peer that has the secret. */
struct member {
	int fd;
	gnutls_session_t session;
	gnutls_psk_client_credentials_t credentials;
};

static struct member join_as_member(struct kithd *node, const char *secret, const char *nodeid)
{
	struct member member = {.fd = harness_keep_fd(connect_socket(node))};
	member.session = session_new(member.fd, NODE_PRIORITIES, secret, identity_of(secret), &member.credentials);
	if (finish_handshake(member.session) != 0)
		harness_fail("a member is not let in");
	send_line(member.session, harness_text("{\"msgtype\":\"hello\",\"nodeid\":\"%s\"}\n", nodeid));
	AWAIT(kithd_has_peer(node, nodeid));
	return member;
}

static void leave(struct member *member)
{
	gnutls_deinit(member->session);
	gnutls_psk_free_client_credentials(member->credentials);
}

/* What brings nothing is read as slowly as what does. Every fourth brings a blank, since the connection ends where
 * nothing comes. */
static void test_records_and_padding_have_their_rates(void)
{
	static const struct {
		const char *options;
		int records;
		size_t padding;
		int64_t least_us;
	} cases[] = {
		/* All of it is one line: 10 s of messages, and 1,500 more; 4 s of bytes, and 140 kB more. */
		{"-o handshake_timeout=60 -o max_message_rate=1000", 10000 + 1500, 1, 1500 * 1000},
		{"-o handshake_timeout=60 -o max_byte_rate=100000", 27 + 9, 15000, 1350 * 1000},
	};
	const char *secret = new_secret();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kithd *node = start_private(secret, cases[i].options);
		struct member member = join_as_member(node, secret, ALICE);
		int64_t begun_us = clock_now_us();
		for (int j = 0; j < cases[i].records; j++)
			if (gnutls_record_send2(member.session, " ", j % 4 == 3, cases[i].padding, 0) < 0)
				harness_fail("cannot send");
		send_line(member.session, "{\"msgtype\":\"ping\"}\n");
		await_text(member.session, "{\"msgtype\":\"pong\"}");
		int64_t took_us = clock_now_us() - begun_us;
		EXPECT(took_us >= cases[i].least_us, "%s: %lld us", cases[i].options, (long long)took_us);
		leave(&member);
	}
}

/* GnuTLS would collect all of it before it finds out that it is no message. */
static void test_a_message_of_tls_without_an_end(void)
{
	enum { MEMBERS = 8, RECORDS = 1024, KIB_EACH = 1024 };
	static const unsigned char begin[TLS_RECORD_BYTES] = {24, 0xff, 0xff, 0xff}, more[TLS_RECORD_BYTES];
	const char *secret = new_secret();
	struct kithd *node = start_private(secret, "-o max_byte_rate=0");
	struct member good = join_as_member(node, secret, ALICE), bad[MEMBERS];
	long before_kib = kithd_status_number(node, "VmHWM");
	for (int i = 0; i < MEMBERS; i++)
		bad[i] = join_as_member(node, secret, harness_text("bad00000-0000-4000-8000-%012d", i));
	for (int i = 0; i < MEMBERS; i++)
		for (int j = 0; j < RECORDS; j++)
			if (!tls_record_send(bad[i].session, bad[i].fd, TLS_RECORD_HANDSHAKE, j == 0 ? begin : more,
					     TLS_RECORD_BYTES))
				break;
	AWAIT(kithd_log_count(node, "sends 64 kB of TLS without a byte of a message", "") == MEMBERS);
	AWAIT(kithd_peers(node) == 1);
	long more_kib = kithd_status_number(node, "VmHWM") - before_kib;
	EXPECT(more_kib < MEMBERS * KIB_EACH || harness_slowness() > 1, "%ld KiB more at the peak", more_kib);
	send_line(good.session, "{\"msgtype\":\"ping\"}\n");
	await_text(good.session, "{\"msgtype\":\"pong\"}");
	for (int i = 0; i < MEMBERS; i++)
		leave(&bad[i]);
	leave(&good);
}

/* ---- that no core file is written ---- */

/* In the child: where a core file would be written, and may be. */
static bool allow_cores(const void *folder)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	return chdir(folder) == 0 && setrlimit(RLIMIT_CORE, &limit) == 0;
}

static bool has_core(const char *folder)
{
	glob_t found;
	bool has = glob(harness_text("%s/core*", folder), 0, NULL, &found) == 0;
	globfree(&found);
	return has;
}

/* Does one with these arguments leave a core file when it is aborted? */
static bool leaves_core(const char *const *argv)
{
	const char *folder = harness_make_folder();
	chmod(folder, 0777);
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = allow_cores, .given = folder});
	kithd_await_listening(kithd);
	kithd_signal(kithd, SIGABRT);
	CU_ASSERT_EQUAL(kithd_wait(kithd), 128 + SIGABRT);
	return has_core(folder);
}

static void test_no_core_file(void)
{
	const char *address = harness_address(), *path = harness_write_file(new_secret());
	const char *secret_file = harness_text("secret_file=%s", path);
	const char *const plain[] = {"-l", address, NULL};
	const char *const private[] = {"-l", address, "-o", secret_file, NULL};
	const char *const other_user[] = {"-l", address, "-o", secret_file, "-o", "user=nobody", NULL};
	if (!harness_can(leaves_core(plain), "no core file", "this system writes none for anybody"))
		return;
	CU_ASSERT_FALSE(leaves_core(private));
	if (privilege_is_root())
		CU_ASSERT_FALSE(leaves_core(other_user));
}

static void test_secrets_are_locked(void)
{
	struct kithd *node = start_private(new_secret(), "");
	kithd_table(node); /* it has begun, and said so */
	bool may_lock = kithd_log_count(node, "the secrets may be written to swap space", "") == 0;
	if (harness_can(may_lock, "locked memory", "this user may not lock memory") &&
	    harness_can(harness_slowness() <= 1, "locked memory", "a sanitizer locks none"))
		CU_ASSERT(kithd_status_number(node, "VmLck") >= (long)sizeof(struct secrets) / 1024);
}

/* Root reads the file, and the node goes on as the user nobody. */
static void test_file_of_another_user(void)
{
	const char *secret = new_secret(), *path = harness_write_file(secret);
	if (!harness_is_root("file of another user"))
		return;
	struct kithd *node = kithd_start("-o secret_file=%s -o user=nobody", path);
	AWAIT(has_logged(
		node, "warning",
		harness_text("\"nobody\" can't read %s: SIGHUP will change no secret until you run chown nobody '%s'",
			     path, path)));
	struct kithd *peer = start_next_to(node, secret);
	AWAIT(kithd_peers(peer) == 1);
}

/* ---- another library ---- */

/* As kithd(8) says. */
static void test_openssl_speaks_it(void)
{
	const char *secret = new_secret(), *output = harness_write_file("");
	if (!harness_can(system("openssl version >/dev/null 2>&1") == 0, "openssl", "there is no openssl"))
		return;
	struct kithd *node = start_private(secret, "");
	FILE *client = popen(harness_text("secret=%.64s\n"
					  "identity=$(printf 'kith psk identity' | openssl dgst -sha256 -mac HMAC "
					  "-macopt hexkey:$secret -r | cut -c 1-32)\n"
					  "exec openssl s_client -connect %s -tls1_3 -quiet -psk $secret -psk_identity "
					  "$identity >%s 2>/dev/null",
					  secret, kithd_address(node), output),
			     "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
	fputs("{\"msgtype\": \"hello\", \"nodeid\": \"" ALICE "\"}\n", client);
	fflush(client);
	AWAIT(kithd_has_peer(node, ALICE));
	fputs("{\"msgtype\": \"pong\"}\n", client);
	fflush(client);
	AWAIT(kithd_cell_number(node, ALICE, "RTT_MS") > 0);
	fputs("{\"msgtype\": \"bye\", \"reason\": \"shutdown\"}\n", client);
	fflush(client);
	AWAIT(kithd_log_count(node, "left: it is shutting down", "") == 1);
	pclose(client);
	const char *said = harness_read_file(output);
	if (said == NULL || strstr(said, "{\"msgtype\":\"hello\",") == NULL)
		harness_fail("openssl got: %s", said == NULL ? "nothing" : said);
}

/* ---- a node that is open ---- */

static void test_openness_is_warned_of(void)
{
	static const char said[] = "set secret_file (kithd --new-secret makes one), or listen on 127.0.0.1 only";
	int port = harness_wildcard_port();
	struct kithd *open = kithd_start_at(harness_text("0.0.0.0:%d", port), "-l [::]:%d", port);
	/* Stopped, each has written all that it had to say. */
	kithd_stop(open, SIGTERM);
	CU_ASSERT_EQUAL(
		kithd_log_count(open, harness_text(" warning anyone who can reach 0.0.0.0:%d can join", port), said),
		1);
	CU_ASSERT_EQUAL(kithd_log_count(open, said, ""), 1);
	struct kithd *private =
		kithd_start_at(harness_text("0.0.0.0:%d", port), "-o secret_file=%s", harness_write_file(new_secret()));
	struct kithd *local = kithd_start("-l [::1]:%d", port);
	kithd_stop(private, SIGTERM);
	kithd_stop(local, SIGTERM);
	CU_ASSERT_EQUAL(kithd_log_count(private, said, ""), 0);
	CU_ASSERT_EQUAL(kithd_log_count(local, said, ""), 0);
}

static CU_TestInfo tests[] = {
	{"nodes with the same secret become a mesh", test_members_meet},
	{"one with another secret is turned away, and both say so", test_another_secret},
	{"a plain and a private node each say what is wrong", test_plain_and_private},
	{"a stranger gets no message", test_a_stranger_gets_no_message},
	{"a bad file of secrets is refused at the start", test_bad_file_at_the_start},
	{"a bad file of secrets changes nothing at a reload", test_bad_file_at_a_reload},
	{"a secret in the place of its file is not shown", test_secret_in_the_place_of_its_file},
	{"secrets are read again without a good file of settings", test_reload_without_a_good_settings_file},
	{"a policy that forbids TLS 1.3 is an error", test_a_policy_that_forbids_tls},
	{"without GnuTLS there are no private nodes, but plain ones", test_a_machine_without_gnutls},
	{"a secret is exchanged without losing a peer", test_rotation},
	{"failed handshakes leave nothing", test_failed_handshakes_leave_nothing},
	{"silent strangers give way", test_silent_strangers_give_way},
	{"no secret is in a log or a table", test_no_secret_is_shown},
	{"records and padding have their rates", test_records_and_padding_have_their_rates},
	{"a message of TLS without an end", test_a_message_of_tls_without_an_end},
	{"a node with a secret leaves no core file", test_no_core_file},
	{"secrets are locked into memory", test_secrets_are_locked},
	{"the file may be another user's", test_file_of_another_user},
	{"openssl speaks the protocol", test_openssl_speaks_it},
	{"a node that is open to others says so", test_openness_is_warned_of},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_private = {
	.pName = "private", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
