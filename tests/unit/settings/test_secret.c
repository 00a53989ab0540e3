#include "settings/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

/* The bytes 0, 7, 14, ... in hex and in base64, and 32 others. */
#define SECRET_HEX "00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9"
#define SECRET_BASE64 "AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk="
#define OTHER_HEX "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0"

static char path[] = "/tmp/kith-secret-XXXXXX";

static int set_up(void)
{
	int fd = mkstemp(path);
	return fd < 0 || close(fd) != 0;
}

static int tear_down(void)
{
	return unlink(path);
}

static void write_file(const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_FATAL(fwrite(bytes, 1, length, file) == length);
	CU_ASSERT_FATAL(fclose(file) == 0);
}

static struct secrets *read_path(const char *name, struct problem *problem)
{
	problem_set(problem, "%s", "");
	struct secrets *secrets = secrets_read(name, "", problem);
	CU_ASSERT_FALSE(problem->lacks_memory);
	return secrets;
}

static struct secrets *read_text(const char *text, struct problem *problem)
{
	write_file(text, strlen(text));
	return read_path(path, problem);
}

static void a_secret_is_hex_or_base64(void)
{
	static const char *const texts[] = {
		SECRET_HEX,
		SECRET_HEX "\n",
		"\xef\xbb\xbf" SECRET_HEX "\r\n",
		"00070E151C232A31383F464D545B626970777E858C939AA1A8AFB6BDC4CBD2D9\n",
		SECRET_BASE64,
		SECRET_BASE64 "\r\n",
		"AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk\n",
		"# ours\n\n  \t" SECRET_HEX " \t# since Monday\n#" OTHER_HEX "\n\n",
	};
	struct problem problem;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct secrets *secrets = read_text(texts[i], &problem);
		if (!EXPECT(secrets != NULL, "text %zu: %s", i, problem.text))
			continue;
		EXPECT(secrets->count == 1 && secrets->list[0].length == 32, "text %zu", i);
		for (unsigned j = 0; j < 32; j++)
			EXPECT(secrets->list[0].bytes[j] == (unsigned char)(7 * j), "text %zu, byte %u", i, j);
		secrets_free(secrets);
	}
}

static void secrets_stay_in_the_order_of_the_file(void)
{
	struct problem problem;
	struct secrets *secrets = read_text(OTHER_HEX "\n# then\n" SECRET_BASE64 "\n", &problem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(secrets);
	CU_ASSERT_EQUAL(secrets->count, 2);
	CU_ASSERT_EQUAL(secrets->list[0].bytes[0], 0xff);
	CU_ASSERT_EQUAL(secrets->list[1].bytes[1], 7);
	CU_ASSERT_PTR_EQUAL(secrets_find(secrets, secrets->list[1].identity), &secrets->list[1]);
	CU_ASSERT_PTR_NULL(secrets_find(secrets, "nobody"));
	secrets_free(secrets);
}

/* So that a node of another make finds it too: printf 'kith psk identity' | openssl dgst -sha256 -mac HMAC ... */
static void an_identity_is_what_the_man_page_says(void)
{
	struct problem problem;
	struct secrets *secrets = read_text(SECRET_HEX, &problem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(secrets);
	CU_ASSERT_STRING_EQUAL(secrets->list[0].identity, "0b2ac44d29d30b81ae24e100d4d21667");
	secrets_free(secrets);
}

static void only_the_same_secrets_in_the_same_order_are_equal(void)
{
	static const struct {
		const char *text;
		bool equal;
	} cases[] = {
		{SECRET_BASE64 "\n" OTHER_HEX, true},
		{OTHER_HEX "\n" SECRET_HEX, false},
		{SECRET_HEX, false},
	};
	struct problem problem;
	struct secrets *secrets = read_text(SECRET_HEX "\n" OTHER_HEX, &problem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(secrets);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct secrets *others = read_text(cases[i].text, &problem);
		CU_ASSERT_PTR_NOT_NULL_FATAL(others);
		EXPECT(secrets_equal(secrets, others) == cases[i].equal, "case %zu", i);
		secrets_free(others);
	}
	secrets_free(secrets);
}

static void a_new_secret_is_one_and_never_the_same(void)
{
	struct problem problem;
	char one[SECRET_TEXT_BYTES], other[SECRET_TEXT_BYTES];
	CU_ASSERT_TRUE_FATAL(secret_new(one) && secret_new(other));
	CU_ASSERT_EQUAL(strlen(one), 64);
	CU_ASSERT_STRING_NOT_EQUAL(one, other);
	struct secrets *secrets = read_text(one, &problem);
	CU_ASSERT_PTR_NOT_NULL(secrets);
	secrets_free(secrets);
}

/* A text that no error may show, of that many characters. */
static const char *repeat(const char *text, size_t length)
{
	static char out[SECRETS_FILE_BYTES + 16];
	for (size_t i = 0; i < length; i++)
		out[i] = text[i % strlen(text)];
	out[length] = '\0';
	return out;
}

#define WANTED "expected 64 hex digits or base64 of 32 bytes; run kithd --new-secret"

static void each_kind_of_bad_line_is_refused_with_its_number_and_what_to_write(void)
{
	static const struct {
		const char *text;
		const char *error; /* behind the path */
	} cases[] = {
		{"# none yet\n" SECRET_HEX "0\n", ":2: not a secret (65 hex digits, an odd number): " WANTED},
		{SECRET_HEX "\n00070e151c232a31383f464d545b6269\n",
		 ":2: a secret has at least 32 bytes, and this is 16: run kithd --new-secret"},
		{"\n\nAAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0g==\n",
		 ":3: a secret has at least 32 bytes, and this is 31: run kithd --new-secret"},
		{"AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk==\n",
		 ":1: not a secret (base64 that is not complete): " WANTED},
		{"AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk=A\n",
		 ":1: not a secret (character 45 is neither hex nor base64): " WANTED},
		{"AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0\n",
		 ":1: not a secret (base64 that is not complete): " WANTED},
		/* Of these each decodes as base64 too. */
		{"00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd20\n",
		 ":1: not a secret (63 hex digits, an odd number): " WANTED},
		{"00070e151c232a31383F464D545b626970777e858c939aa1a8afb6bdc4cbd2c\n",
		 ":1: not a secret (63 hex digits, an odd number): " WANTED},
		{"00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2do\n",
		 ":1: not a secret (character 64 is not a hex digit): " WANTED},
		{"OOO70E151C232A31383F464D545B626970777E858C939AA1A8AFB6BDC4CBD2D9\n",
		 ":1: not a secret (character 1 is not a hex digit): " WANTED},
		{"correct-horse-battery-staple-correct-horse\n",
		 ":1: not a secret (character 8 is neither hex nor base64): " WANTED},
		{"secret = \"" SECRET_HEX "\";\n", ":1: two words in one line: write one secret on each line"},
		{SECRET_HEX " " OTHER_HEX "\n", ":1: two words in one line: write one secret on each line"},
		{"0000000000000000000000000000000000000000000000000000000000000000\n",
		 ":1: this is not random: run kithd --new-secret"},
		{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		 ":1: this is not random: run kithd --new-secret"},
		{SECRET_HEX "\n" OTHER_HEX "\n" SECRET_BASE64 "\n",
		 ":3: the same as secret 1 of the file: remove one of the two lines"},
	};
	struct problem problem;
	char expected[PROBLEM_BYTES];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct secrets *secrets = read_text(cases[i].text, &problem);
		snprintf(expected, sizeof expected, "%s%s", path, cases[i].error);
		EXPECT(secrets == NULL && strcmp(problem.text, expected) == 0, "case %zu: %s", i, problem.text);
		secrets_free(secrets);
	}
}

static void a_secret_has_at_most_128_bytes(void)
{
	static const struct {
		const char *digits;
		size_t length;
		const char *error;
	} cases[] = {
		{"00070e151c232a31383f464d545b6269f1", 256, ""},
		{"AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tkA", 168, ""},
		{"00070e151c232a31383f464d545b6269f1", 258,
		 ":1: a secret has at most 128 bytes, and this is longer: run kithd --new-secret"},
		{"AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tkA", 172,
		 ":1: a secret has at most 128 bytes, and this is longer: run kithd --new-secret"},
	};
	struct problem problem;
	char expected[PROBLEM_BYTES];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct secrets *secrets = read_text(repeat(cases[i].digits, cases[i].length), &problem);
		bool is_good = cases[i].error[0] == '\0';
		snprintf(expected, sizeof expected, "%s%s", is_good ? "" : path, cases[i].error);
		EXPECT((secrets != NULL) == is_good && strcmp(problem.text, expected) == 0, "case %zu: %s", i,
		       problem.text);
		secrets_free(secrets);
	}
}

static void a_file_has_at_most_16_secrets(void)
{
	struct problem problem;
	char text[(SECRETS_MOST + 1) * SECRET_TEXT_BYTES + 1], expected[PROBLEM_BYTES];
	for (int i = 0; i <= SECRETS_MOST; i++) {
		char *line = text + i * SECRET_TEXT_BYTES;
		CU_ASSERT_TRUE_FATAL(secret_new(line));
		strcpy(line + SECRET_TEXT_BYTES - 1, "\n");
	}
	snprintf(expected, sizeof expected,
		 "%s:17: there are more than 16 secrets: remove those that no node uses any more", path);
	CU_ASSERT_PTR_NULL(read_text(text, &problem));
	CU_ASSERT_STRING_EQUAL(problem.text, expected);
	text[SECRETS_MOST * SECRET_TEXT_BYTES] = '\0';
	struct secrets *secrets = read_text(text, &problem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(secrets);
	CU_ASSERT_EQUAL(secrets->count, SECRETS_MOST);
	secrets_free(secrets);
}

static void a_file_that_is_none_says_so(void)
{
	/* Base64 may begin with a slash, and a part of it be lost. */
	static const char *const paths[] = {
		"/BWx+8BsLnQ2YkYwZ4m5c8y1k9W0b3hN6e7tRqTjUvE=",
		"/BWx/8BsLnQ2YkYwZ4m5c8y1k9W0b3hN6e7tRqTj",
		"/8BsLnQ2YkYwZ4m5BWx8y1k9",
	};
	struct problem problem;
	char expected[PROBLEM_BYTES];
	CU_ASSERT_PTR_NULL(read_path("/tmp/kith-no-such-secret", &problem));
	CU_ASSERT_STRING_EQUAL(problem.text,
			       "cannot read \"/tmp/kith-no-such-secret\": No such file or directory; copy the file "
			       "from another node of the network, or if this is the first node: (umask 077; kithd "
			       "--new-secret >'/tmp/kith-no-such-secret')");
	CU_ASSERT_PTR_NULL(read_path("/tmp", &problem));
	CU_ASSERT_STRING_EQUAL(problem.text, "cannot read \"/tmp\": it is not a regular file; name one");
	/* What reads as base64 is a path where it begins with a folder that is there. */
	CU_ASSERT_PTR_NULL(read_path("/tmp/kith/networks/production/thesecretoftheday", &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "production"));
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		CU_ASSERT_PTR_NULL(read_path(paths[i], &problem));
		EXPECT(strstr(problem.text, "seems to be a secret") != NULL && strstr(problem.text, "BWx") == NULL,
		       "%s", problem.text);
	}
	CU_ASSERT_PTR_NULL(read_text("# later\n\n", &problem));
	snprintf(expected, sizeof expected, "\"%s\" contains no secret: run kithd --new-secret", path);
	CU_ASSERT_STRING_EQUAL(problem.text, expected);
	write_file(SECRET_HEX "\0", sizeof SECRET_HEX);
	CU_ASSERT_PTR_NULL(read_path(path, &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, ": it contains a NUL byte; write text, one secret on each line"));
	CU_ASSERT_PTR_NULL(read_text(repeat("#", SECRETS_FILE_BYTES + 1), &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, ": it is larger than 16 KiB; write one secret on each line"));
	CU_ASSERT_PTR_NULL(read_text(repeat("#", SECRETS_FILE_BYTES), &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "contains no secret"));
}

static void a_file_that_others_may_open_is_refused_with_what_mends_it(void)
{
	static const struct {
		mode_t mode;
		bool good;
	} cases[] = {{0600, true},  {0400, true},  {0640, true},  {0440, true},	 {0604, false},
		     {0444, false}, {0620, false}, {0660, false}, {0650, false}, {0601, false}};
	struct problem problem;
	char mends[PROBLEM_BYTES];
	write_file(SECRET_HEX, strlen(SECRET_HEX));
	snprintf(mends, sizeof mends, "run chmod 600 '%s', and rotate the secret", path);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CU_ASSERT_EQUAL_FATAL(chmod(path, cases[i].mode), 0);
		struct secrets *secrets = read_path(path, &problem);
		EXPECT((secrets != NULL) == cases[i].good, "mode %o: %s", (unsigned)cases[i].mode, problem.text);
		EXPECT(cases[i].good || strstr(problem.text, mends) != NULL, "mode %o: %s", (unsigned)cases[i].mode,
		       problem.text);
		secrets_free(secrets);
	}
	CU_ASSERT_EQUAL_FATAL(chmod(path, 0600), 0);
}

/* As a container or the administrator gives a file to a user; only root can give a file away. */
static void a_group_that_reads_it_is_one_of_the_node(void)
{
	enum { OTHER = 54321 };
	const struct {
		uid_t owner;
		gid_t group;
		bool good;
	} cases[] = {{0, getegid(), true}, {0, OTHER, false}, {OTHER, getegid(), false}};
	struct problem problem;
	write_file(SECRET_HEX, strlen(SECRET_HEX));
	for (size_t i = 0; i < sizeof cases / sizeof *cases && geteuid() == 0; i++) {
		CU_ASSERT(chown(path, cases[i].owner, cases[i].group) == 0 && chmod(path, 0440) == 0);
		struct secrets *secrets = read_path(path, &problem);
		EXPECT((secrets != NULL) == cases[i].good, "case %zu: %s", i, problem.text);
		secrets_free(secrets);
	}
	/* Of the user that this process will become. */
	struct passwd room, *nobody;
	char texts[4096];
	if (geteuid() == 0 && getpwnam_r("nobody", &room, texts, sizeof texts, &nobody) == 0 && nobody != NULL) {
		CU_ASSERT(chown(path, 0, nobody->pw_gid) == 0);
		struct secrets *secrets = secrets_read(path, "nobody", &problem);
		EXPECT(secrets != NULL, "%s", problem.text);
		secrets_free(secrets);
		CU_ASSERT(chown(path, 0, getegid()) == 0);
		CU_ASSERT_PTR_NULL(secrets_read(path, "nobody", &problem));
	}
	CU_ASSERT_EQUAL(unlink(path), 0);
	write_file(SECRET_HEX, strlen(SECRET_HEX));
	CU_ASSERT_EQUAL(chmod(path, 0600), 0);
}

static void no_error_shows_any_of_a_secret(void)
{
	static const char *const texts[] = {
		SECRET_HEX "f\n",
		SECRET_BASE64 "==\n",
		SECRET_HEX "-\n",
		SECRET_HEX "\n" SECRET_HEX "\n",
		SECRET_HEX " " OTHER_HEX "\n",
	};
	struct problem problem;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		CU_ASSERT_PTR_NULL(read_text(texts[i], &problem));
		for (size_t at = 0; at + 4 <= strlen(texts[i]); at++) {
			char part[5] = "";
			memcpy(part, texts[i] + at, 4);
			EXPECT(strchr(part, '\n') != NULL || strstr(problem.text, part) == NULL, "text %zu: %s", i,
			       problem.text);
		}
	}
}

static void secrets_are_locked_into_memory(void)
{
	struct problem problem;
	struct rlimit limit;
	struct secrets *secrets = read_text(SECRET_HEX, &problem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(secrets);
	bool may_lock = geteuid() == 0 || (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur > 1024 * 1024);
	CU_ASSERT(!may_lock || secrets->is_locked);
	secrets_free(secrets);
}

static CU_TestInfo tests[] = {
	{"a secret is hex or base64", a_secret_is_hex_or_base64},
	{"secrets stay in the order of the file", secrets_stay_in_the_order_of_the_file},
	{"an identity is what the man page says", an_identity_is_what_the_man_page_says},
	{"only the same secrets in the same order are equal", only_the_same_secrets_in_the_same_order_are_equal},
	{"a new secret is one, and never the same", a_new_secret_is_one_and_never_the_same},
	{"each kind of bad line is refused with its number and what to write",
	 each_kind_of_bad_line_is_refused_with_its_number_and_what_to_write},
	{"a secret has at most 128 bytes", a_secret_has_at_most_128_bytes},
	{"a file has at most 16 secrets", a_file_has_at_most_16_secrets},
	{"a file that is none says so", a_file_that_is_none_says_so},
	{"a file that others may open is refused with what mends it",
	 a_file_that_others_may_open_is_refused_with_what_mends_it},
	{"a group that reads it is one of the node's", a_group_that_reads_it_is_one_of_the_node},
	{"no error shows any of a secret", no_error_shows_any_of_a_secret},
	{"secrets are locked into memory", secrets_are_locked_into_memory},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_secret = {.pName = "secret", .pInitFunc = set_up, .pCleanupFunc = tear_down, .pTests = tests};
