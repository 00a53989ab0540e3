#include "settings/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/utils.h>
#include <sodium/version.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/privilege.h"

/* What is mapped: the secrets, and behind them the file while it is read. */
struct mapping {
	struct secrets secrets;
	char file[SECRETS_FILE_BYTES + 2]; /* a byte more shows that it is too long, and a NUL */
};

/* ---- memory ---- */

static struct mapping *map(void)
{
	int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	/* cppcheck-suppress invalidFunctionArg; without a file the descriptor is -1 */
	struct mapping *mapping = mmap(NULL, sizeof *mapping, protection, flags, -1, 0);
	if (mapping == MAP_FAILED)
		return NULL;
	mapping->secrets.is_locked = mlock(mapping, sizeof *mapping) == 0;
	madvise(mapping, sizeof *mapping, MADV_DONTDUMP);
	return mapping;
}

void secrets_free(struct secrets *secrets)
{
	if (secrets == NULL)
		return;
	sodium_memzero(secrets, sizeof(struct mapping));
	munmap(secrets, sizeof(struct mapping));
}

/* ---- one line ---- */

#define HEX_DIGITS "0123456789abcdefABCDEF"
#define BASE64_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define GOOD_ONE "run kithd --new-secret"
#define WANTED "expected 64 hex digits or base64 of 32 bytes; " GOOD_ONE

/* Random base64 of so many digits is hex too, or lacks capital or small letters, once in 10^9: this is hex, it may be
 * a wrong one. */
static bool is_meant_as_hex(const char *text)
{
	return text[strspn(text, HEX_DIGITS)] == '\0' || strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL ||
	       strpbrk(text, "abcdefghijklmnopqrstuvwxyz") == NULL;
}

/* What is wrong with a line that can't be decoded, of which nothing is shown. */
static bool wrong_text(const char *text, size_t length, struct problem *problem)
{
	size_t good = strspn(text, BASE64_DIGITS), hex = strspn(text, HEX_DIGITS);
	good += strspn(text + good, "=");
	if (strcspn(text, " \t") < length)
		return problem_set(problem, "two words in one line: write one secret on each line");
	if (good < length)
		return problem_set(problem, "not a secret (character %zu is neither hex nor base64): " WANTED,
				   good + 1);
	if (hex == length)
		return problem_set(problem, "not a secret (%zu hex digits, an odd number): " WANTED, hex);
	if (is_meant_as_hex(text))
		return problem_set(problem, "not a secret (character %zu is not a hex digit): " WANTED, hex + 1);
	return problem_set(problem, "not a secret (base64 that is not complete): " WANTED);
}

/* The base64 of RFC 4648, whose padding may be left out. */
static bool decode_base64(struct secret *secret, const char *text, size_t length)
{
	size_t digits = strspn(text, BASE64_DIGITS);
	size_t padding = length - digits;
	if (is_meant_as_hex(text) || strspn(text + digits, "=") != padding ||
	    (padding > 0 && (padding > 2 || length % 4 != 0)))
		return false;
	return sodium_base642bin(secret->bytes, sizeof secret->bytes, text, digits, NULL, &secret->length, NULL,
				 sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
}

static bool decode_hex(struct secret *secret, const char *text, size_t length)
{
	return strspn(text, HEX_DIGITS) == length &&
	       sodium_hex2bin(secret->bytes, sizeof secret->bytes, text, length, NULL, &secret->length, NULL) == 0;
}

/* A text of one's own making, or a place for a secret: 32 random bytes have fewer than 16 values once in 10^14. */
static bool is_made_up(const struct secret *secret)
{
	enum { LEAST_VALUES = 16 };
	bool seen[256] = {false};
	size_t values = 0;
	for (size_t i = 0; i < secret->length; i++) {
		values += !seen[secret->bytes[i]];
		seen[secret->bytes[i]] = true;
	}
	sodium_memzero(seen, sizeof seen);
	return values < LEAST_VALUES;
}

static void name_secret(struct secret *secret)
{
	static const char label[] = "kith psk identity";
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, secret->bytes, secret->length);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)label, sizeof label - 1);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2hex(secret->identity, sizeof secret->identity, mac, sizeof secret->identity / 2);
	sodium_memzero(&state, sizeof state);
	sodium_memzero(mac, sizeof mac);
}

/* Text of that length, ended by a NUL. */
static bool add_secret(struct secrets *secrets, const char *text, size_t length, struct problem *problem)
{
	if (secrets->count == SECRETS_MOST)
		return problem_set(problem, "there are more than %d secrets: remove those that no node uses any more",
				   SECRETS_MOST);
	struct secret *secret = &secrets->list[secrets->count];
	if (length > 2 * (size_t)SECRET_MOST_BYTES)
		return problem_set(problem, "a secret has at most %d bytes, and this is longer: " GOOD_ONE,
				   SECRET_MOST_BYTES);
	if (!decode_hex(secret, text, length) && !decode_base64(secret, text, length)) {
		bool is_long = strspn(text, BASE64_DIGITS) == length && length > SECRET_MOST_BYTES / 3 * 4 + 3;
		return is_long ? problem_set(problem, "a secret has at most %d bytes, and this is longer: " GOOD_ONE,
					     SECRET_MOST_BYTES)
			       : wrong_text(text, length, problem);
	}
	if (secret->length < SECRET_LEAST_BYTES)
		return problem_set(problem, "a secret has at least %d bytes, and this is %zu: " GOOD_ONE,
				   SECRET_LEAST_BYTES, secret->length);
	if (is_made_up(secret))
		return problem_set(problem, "this is not random: " GOOD_ONE);
	name_secret(secret);
	const struct secret *same = secrets_find(secrets, secret->identity);
	if (same != NULL)
		return problem_set(problem, "the same as secret %zu of the file: remove one of the two lines",
				   (size_t)(same - secrets->list) + 1);
	secrets->count++;
	return true;
}

/* ---- the file ---- */

/* Overwrites the text's line ends and comments. */
static bool parse(struct secrets *secrets, char *text, const char *path, struct problem *problem)
{
	unsigned number = 1;
	/* A byte order mark, which some editors write. */
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (char *line; (line = strsep(&text, "\n")) != NULL; number++) {
		line[strcspn(line, "#")] = '\0';
		line += strspn(line, " \t\r");
		size_t length = strlen(line);
		while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
			line[--length] = '\0';
		if (length > 0 && !add_secret(secrets, line, length, problem))
			return problem_prefix(problem, "%s:%u: ", path, number);
	}
	return true;
}

/* Base64 may begin with a slash. Does this read as a secret, or as much of one as would matter? The path of a file that
 * is missing mostly begins with a folder that isn't. */
static bool may_be_secret(const char *path)
{
	enum { MATTERS_DIGITS = 24 };
	size_t digits = strspn(path, BASE64_DIGITS);
	char folder[SECRET_MOST_BYTES * 2];
	if (digits < MATTERS_DIGITS || digits + strspn(path + digits, "=") < strlen(path))
		return false;
	size_t length = 1 + strcspn(path + 1, "/");
	snprintf(folder, sizeof folder, "%.*s", (int)length, path);
	return access(folder, F_OK) != 0;
}

/* What to do about a file that can't be opened. */
static void wrong_open(const char *path, int error, struct problem *problem)
{
	char user[PRIVILEGE_USER_BYTES];
	privilege_user_name(user);
	if (error == ENOENT && may_be_secret(path))
		problem_set(problem,
			    "secret_file seems to be a secret and not a file: write the secret into a file that only "
			    "kithd's user can read, and set secret_file to the path of that file");
	else if (error == ENOENT)
		problem_set(problem,
			    "cannot read \"%s\": %s; copy the file from another node of the network, or if this is the "
			    "first node: (umask 077; kithd --new-secret >'%s')",
			    path, strerror(error), path);
	else if (error == EACCES)
		problem_set(problem,
			    "cannot read \"%s\": %s; run chown %s '%s', and allow that user to enter the directory",
			    path, strerror(error), user, path);
	else
		problem_set(problem, "cannot read \"%s\": %s; name a file that kithd may read", path, strerror(error));
}

/*
 * May others than root and the node's user change it, or others than those and a group of the node's read it? A group
 * is how a container or the administrator gives a file to a user. The mode does not tell whom an ACL lets in.
 */
static bool is_open_to_others(int fd, const struct stat *status, const char *user)
{
	if ((status->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0)
		return true;
	if ((status->st_mode & S_IRGRP) == 0)
		return false;
	return (status->st_uid != 0 && !privilege_is_user(user, status->st_uid)) ||
	       !privilege_has_group(user, status->st_gid) || fgetxattr(fd, "system.posix_acl_access", NULL, 0) > 0;
}

/* Opened without waiting for whoever might write into a pipe. -1 with a problem. */
static int open_file(const char *path, const char *user, struct problem *problem)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) != 0) {
		wrong_open(path, errno, problem);
	} else if (!S_ISREG(status.st_mode)) {
		problem_set(problem, "cannot read \"%s\": it is not a regular file; name one", path);
	} else if (is_open_to_others(fd, &status, user)) {
		problem_set(
			problem,
			"\"%s\" can be read or written by others than its owner (mode %03o): run chmod 600 '%s', and "
			"rotate the secret if somebody may have read it",
			path, (unsigned)status.st_mode & 0777, path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Ends what was read with a NUL. */
static bool read_file(const char *path, const char *user, char text[static SECRETS_FILE_BYTES + 2],
		      struct problem *problem)
{
	size_t length = 0;
	ssize_t n = 0;
	int fd = open_file(path, user, problem);
	if (fd < 0)
		return false;
	while (length <= SECRETS_FILE_BYTES && (n = read(fd, text + length, SECRETS_FILE_BYTES + 1 - length)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		length += n > 0 ? (size_t)n : 0;
	}
	int read_error = errno;
	close(fd);
	text[length] = '\0';
	if (n < 0)
		return problem_set(problem, "cannot read \"%s\": %s", path, strerror(read_error));
	if (length > SECRETS_FILE_BYTES)
		return problem_set(problem,
				   "cannot read \"%s\": it is larger than 16 KiB; write one secret on each line", path);
	if (memchr(text, '\0', length) != NULL)
		return problem_set(problem,
				   "cannot read \"%s\": it contains a NUL byte; write text, one secret on each line",
				   path);
	return true;
}

struct secrets *secrets_read(const char *path, const char *user, struct problem *problem)
{
	struct mapping *mapping = map();
	if (mapping == NULL) {
		problem_set_lacks_memory(problem);
		problem_prefix(problem, "cannot read \"%s\": ", path);
		return NULL;
	}
	struct secrets *secrets = &mapping->secrets;
	bool good = read_file(path, user, mapping->file, problem) && parse(secrets, mapping->file, path, problem);
	sodium_memzero(mapping->file, sizeof mapping->file);
	if (good && secrets->count == 0)
		good = problem_set(problem, "\"%s\" contains no secret: " GOOD_ONE, path);
	if (!good) {
		secrets_free(secrets);
		return NULL;
	}
	return secrets;
}

const struct secret *secrets_find(const struct secrets *secrets, const char *identity)
{
	for (size_t i = 0; i < secrets->count; i++)
		if (strcmp(secrets->list[i].identity, identity) == 0)
			return &secrets->list[i];
	return NULL;
}

bool secrets_equal(const struct secrets *one, const struct secrets *other)
{
	bool equal = one->count == other->count;
	for (size_t i = 0; equal && i < one->count; i++)
		equal = strcmp(one->list[i].identity, other->list[i].identity) == 0;
	return equal;
}

void secrets_describe(const struct secrets *secrets, char out[static SECRETS_DESCRIPTION_BYTES])
{
	size_t used = 0;
	for (size_t i = 0; i < secrets->count; i++)
		used += (size_t)snprintf(out + used, SECRETS_DESCRIPTION_BYTES - used, "%s%.8s",
					 i == 0	  ? "dials with secret "
					 : i == 1 ? "; also accepts "
						  : ", ",
					 secrets->list[i].identity);
}

bool secret_new(char out[static SECRET_TEXT_BYTES])
{
	unsigned char bytes[SECRET_LEAST_BYTES];
	/* Up to 256 bytes are never cut short once the kernel's pool is ready (getrandom(2)). */
	bool good = getrandom(bytes, sizeof bytes, 0) == sizeof bytes;
	if (good)
		sodium_bin2hex(out, SECRET_TEXT_BYTES, bytes, sizeof bytes);
	sodium_memzero(bytes, sizeof bytes);
	return good;
}

const char *secret_library_version(void)
{
	return sodium_version_string();
}
