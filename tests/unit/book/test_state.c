#include "book/state.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/privilege.h"
#include "base/problem.h"
#include "base/rng.h"
#include "base/sync.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/some_records.h"
#include "unit/suites.h"

enum { SOME = 20, MANY = 1000, MARKER = 1764000000, PATH_BYTES = 256, FILE_BYTES = 1024 * 1024, TEXT_BYTES = 512 };

static char folder[PATH_BYTES];

static int set_up(void)
{
	strcpy(folder, "/tmp/kith-state-XXXXXX");
	return mkdtemp(folder) == NULL || core_silence_log();
}

static const char *path_of(const char *name)
{
	static char path[2 * PATH_BYTES];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status, (void)type;
	return place->level == 0 ? 0 : remove(path);
}

static void empty_folder(void)
{
	CU_ASSERT_EQUAL(nftw(folder, remove_entry, 4, FTW_DEPTH | FTW_PHYS), 0);
}

static int tear_down(void)
{
	return rmdir(folder) != 0 || core_restore_log();
}

static bool exists(const char *name)
{
	struct stat status;
	return lstat(path_of(name), &status) == 0;
}

static void write_file(const char *name, const char *bytes, size_t length)
{
	FILE *file = fopen(path_of(name), "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_FATAL(fwrite(bytes, 1, length, file) == length);
	CU_ASSERT_FATAL(fclose(file) == 0);
}

/* Ended by a NUL; borrowed until the next call. */
static const char *read_file(const char *name, size_t *length)
{
	static char bytes[FILE_BYTES];
	FILE *file = fopen(path_of(name), "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	*length = fread(bytes, 1, sizeof bytes - 1, file);
	bytes[*length] = '\0';
	fclose(file);
	return bytes;
}

static struct state *opened(void)
{
	struct problem problem = {0};
	struct state *state = state_open(folder, &problem);
	if (!EXPECT(state != NULL, "%s", problem.text))
		CU_FAIL_FATAL("no state");
	return state;
}

static void expect_refusal(const char *dir, const char *wanted)
{
	struct problem problem = {0};
	char start[TEXT_BYTES];
	struct state *state = state_open(dir, &problem);
	snprintf(start, sizeof start, "state_dir \"%s\": ", dir);
	EXPECT(state == NULL, "%s", dir);
	EXPECT(strncmp(problem.text, start, strlen(start)) == 0 && strcmp(problem.text + strlen(start), wanted) == 0,
	       "%s", problem.text);
	state_close(state);
}

/* ---- the folder ---- */

static void a_folder_is_made_for_its_owner_alone(void)
{
	struct problem problem = {0};
	char dir[2 * PATH_BYTES];
	struct stat status;
	strcpy(dir, path_of("new"));
	for (int time = 0; time < 2; time++) {
		struct state *state = state_open(dir, &problem);
		if (!EXPECT(state != NULL, "%s", problem.text))
			continue;
		CU_ASSERT_STRING_EQUAL(state_dir(state), dir);
		CU_ASSERT(stat(dir, &status) == 0 && S_ISDIR(status.st_mode) && (status.st_mode & 07777) == 0700);
		state_close(state);
	}
	empty_folder();
}

static void a_folder_that_is_none_is_refused(void)
{
	char dir[2 * PATH_BYTES], no_parent[3 * PATH_BYTES];
	static const char missing[] = "No such file or directory: make the folder that it is to be in, or name another";
	write_file("file", "", 0);
	strcpy(dir, path_of("file"));
	expect_refusal(dir, "Not a directory: name a folder");
	strcpy(dir, path_of("missing/new"));
	snprintf(no_parent, sizeof no_parent, "the parent folder %s does not exist: make it, or name another",
		 path_of("missing"));
	expect_refusal(dir, no_parent);
	strcat(dir, "//");
	expect_refusal(dir, no_parent);
	CU_ASSERT_FALSE(exists("missing"));
	expect_refusal("", missing);
	expect_refusal("/proc/new", missing);
	empty_folder();
}

static void a_folder_without_permission_is_refused(void)
{
	char user[PRIVILEGE_USER_BYTES], advice[256];
	if (geteuid() == 0)
		return; /* root may all */
	CU_ASSERT_FATAL(chmod(folder, 0500) == 0);
	privilege_user_name(user);
	snprintf(advice, sizeof advice,
		 "Permission denied: make a folder there that the user \"%s\" can read and write", user);
	expect_refusal(folder, advice);
	CU_ASSERT_FATAL(chmod(folder, 0700) == 0);
}

static void a_folder_is_one_node_s(void)
{
	struct state *state = opened();
	expect_refusal(folder, "another kithd uses it: give each node a folder of its own");
	state_close(state);
	state_close(opened());
	state_close(NULL);
}

/* ---- the nodeid ---- */

static struct nodeid kept_nodeid(struct state *state)
{
	struct nodeid nodeid = nodeid_none;
	struct problem problem = {0};
	EXPECT(state_nodeid(state, &nodeid, &problem), "%s", problem.text);
	CU_ASSERT_FALSE(nodeid_is_none(&nodeid));
	return nodeid;
}

static void a_nodeid_is_made_once_and_kept(void)
{
	struct state *state = opened();
	struct nodeid nodeid = kept_nodeid(state), again;
	char text[NODEID_TEXT_BYTES];
	struct stat status;
	size_t length;
	nodeid_format(&nodeid, text);
	const char *line = read_file("nodeid", &length);
	CU_ASSERT(length == sizeof text && strncmp(line, text, length - 1) == 0 && line[length - 1] == '\n');
	CU_ASSERT(stat(path_of("nodeid"), &status) == 0 && (status.st_mode & 07777) == 0600);
	CU_ASSERT_FALSE(exists("nodeid.tmp"));
	state_close(state);
	state = opened();
	again = kept_nodeid(state);
	CU_ASSERT(nodeid_equals(&nodeid, &again));
	state_close(state);
	empty_folder();
}

#define UUID "1b4e28ba-2fa1-41d2-883f-0016d3cca427"

static void a_nodeid_is_read_however_its_line_ends(void)
{
	static const char *const texts[] = {UUID, UUID "\n", UUID "\r\n", UUID " \n\n"};
	struct state *state = opened();
	struct nodeid wanted;
	CU_ASSERT_FATAL(nodeid_parse(UUID, &wanted));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		write_file("nodeid", texts[i], strlen(texts[i]));
		struct nodeid nodeid = kept_nodeid(state);
		EXPECT(nodeid_equals(&nodeid, &wanted), "%s", texts[i]);
	}
	CU_ASSERT_FALSE(exists("nodeid.bad"));
	state_close(state);
	empty_folder();
}

static void a_damaged_nodeid_is_set_aside(void)
{
	static char big[FILE_BYTES / 2];
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"", 0},	   {"\n", 1},		{UUID, 35},
		{UUID "0\n", 38},  {" " UUID "\n", 38}, {UUID "\n" UUID "\n", 74},
		{UUID "\0\n", 38}, {"\0" UUID, 37},	{"00000000-0000-0000-0000-000000000000\n", 37},
		{big, sizeof big},
	};
	struct state *state = opened();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t length;
		write_file("nodeid", cases[i].bytes, cases[i].length);
		capture_log(LOG_WARNING);
		struct nodeid nodeid = kept_nodeid(state);
		const char *log = captured_log();
		EXPECT(strstr(log, "warning ") != NULL && strstr(log, "it is kept as nodeid.bad") != NULL, "%zu: %s", i,
		       log);
		const char *bad = read_file("nodeid.bad", &length);
		EXPECT(length == cases[i].length && memcmp(bad, cases[i].bytes, length) == 0, "%zu: %s", i, bad);
		struct nodeid again = kept_nodeid(state);
		EXPECT(nodeid_equals(&nodeid, &again), "%zu", i);
	}
	state_close(state);
	empty_folder();
}

static void a_nodeid_that_cannot_be_read_or_written_is_an_error(void)
{
	static const struct {
		const char *name, *wanted;
	} cases[] = {
		{"nodeid",
		 "the file nodeid cannot be read: Is a directory: put that right, or remove it for a new nodeid"},
		{"nodeid.tmp", "the file nodeid cannot be written: nodeid.tmp is a folder: remove it"},
	};
	struct state *state = opened();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nodeid nodeid;
		struct problem problem = {0};
		CU_ASSERT_FATAL(mkdir(path_of(cases[i].name), 0700) == 0);
		EXPECT(!state_nodeid(state, &nodeid, &problem), "%s", cases[i].name);
		EXPECT(strstr(problem.text, cases[i].wanted) != NULL, "%s", problem.text);
		empty_folder();
	}
	state_close(state);
}

/* ---- the addresses ---- */

static void save(struct state *state, const struct address_records *records)
{
	struct problem problem;
	EXPECT(state_save_addresses(state, records, &problem), "%s", problem.text);
}

/* Loads what is there and expects it to be as saved. */
static void expect_saved(struct state *state, const struct address_records *records)
{
	struct address_records again;
	state_load_addresses(state, MANY, &again);
	EXPECT(records_equal(records, &again), "%zu, %zu", records->count, again.count);
	address_records_fini(&again);
}

static void addresses_are_kept(void)
{
	static const size_t counts[] = {SOME, MANY, 0, 1};
	struct state *state = opened();
	struct stat status;
	capture_log(LOG_INFO);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct address_records records = some_records(counts[i], MARKER);
		save(state, &records);
		CU_ASSERT(stat(path_of("addresses.json"), &status) == 0 && (status.st_mode & 07777) == 0600);
		CU_ASSERT_FALSE(exists("addresses.json.tmp"));
		state_close(state);
		state = opened();
		expect_saved(state, &records);
		address_records_fini(&records);
	}
	CU_ASSERT_STRING_EQUAL(captured_log(), "");
	CU_ASSERT_FALSE(exists("addresses.json.bad"));
	state_close(state);
	empty_folder();
}

static void no_addresses_are_no_trouble(void)
{
	struct state *state = opened();
	struct address_records records;
	capture_log(LOG_DEBUG);
	state_load_addresses(state, MANY, &records);
	CU_ASSERT_STRING_EQUAL(captured_log(), "");
	CU_ASSERT(records.count == 0 && !records.has_secret);
	CU_ASSERT_FALSE(exists("addresses.json.bad"));
	address_records_fini(&records);
	state_close(state);
}

/* Is it one line that says this? */
static bool is_one_warning(const char *log, const char *text)
{
	const char *end = strchr(log, '\n');
	return end != NULL && end[1] == '\0' && strstr(log, "warning ") != NULL && strstr(log, text) != NULL;
}

static void damaged_addresses_are_salvaged_and_set_aside(void)
{
	static char content[FILE_BYTES];
	struct state *state = opened();
	struct address_records records = some_records(SOME, MARKER), loaded;
	size_t length, bad_length;
	save(state, &records);
	memcpy(content, read_file("addresses.json", &length), FILE_BYTES);
	write_file("addresses.json.bad", "an earlier one", 14);
	write_file("addresses.json", content, length - 3);
	capture_log(LOG_INFO);
	state_load_addresses(state, MANY, &loaded);
	const char *log = captured_log();
	EXPECT(is_one_warning(log, "/addresses.json is damaged: 20 addresses were salvaged; it is kept as "
				   "addresses.json.bad"),
	       "%s", log);
	CU_ASSERT(records_equal(&loaded, &records));
	const char *bad = read_file("addresses.json.bad", &bad_length);
	CU_ASSERT(bad_length == length - 3 && memcmp(bad, content, bad_length) == 0);
	/* The next start finds them too, whatever happens until then. */
	expect_saved(state, &records);
	address_records_fini(&loaded);
	write_file("addresses.json", content + 100, length - 100);
	capture_log(LOG_INFO);
	state_load_addresses(state, MANY, &loaded);
	log = captured_log();
	EXPECT(is_one_warning(log, "20 addresses were salvaged, the secret was not; "), "%s", log);
	CU_ASSERT(loaded.count == SOME && !loaded.has_secret);
	address_records_fini(&loaded);
	address_records_fini(&records);
	state_close(state);
	empty_folder();
}

static void a_foreign_file_is_set_aside(void)
{
	static char noise[100000];
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {{"", 0}, {"[]\n", 3}, {"{\"format\":\"other\"}\n", 19}, {noise, sizeof noise}};
	struct state *state = opened();
	struct rng rng;
	rng_seed(&rng, 3);
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (char)rng_below(&rng, 256);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_records records;
		size_t length;
		write_file("addresses.json", cases[i].bytes, cases[i].length);
		capture_log(LOG_INFO);
		state_load_addresses(state, MANY, &records);
		const char *log = captured_log();
		EXPECT(is_one_warning(log, "/addresses.json is no file of addresses: nothing was salvaged; it is kept "
					   "as addresses.json.bad"),
		       "%s", log);
		EXPECT(records.count == 0, "%zu", i);
		const char *bad = read_file("addresses.json.bad", &length);
		EXPECT(length == cases[i].length && memcmp(bad, cases[i].bytes, length) == 0, "%zu", i);
		EXPECT(!exists("addresses.json"), "%zu", i);
		address_records_fini(&records);
	}
	state_close(state);
	empty_folder();
}

/* A hole takes no room on the disk. */
static void a_file_that_is_much_too_big_is_foreign(void)
{
	struct state *state = opened();
	struct address_records records;
	write_file("addresses.json", "", 0);
	CU_ASSERT_FATAL(truncate(path_of("addresses.json"), (off_t)1 << 40) == 0);
	capture_log(LOG_INFO);
	state_load_addresses(state, 1, &records);
	const char *log = captured_log();
	EXPECT(is_one_warning(log, "nothing was salvaged"), "%s", log);
	CU_ASSERT(records.count == 0 && exists("addresses.json.bad") && !exists("addresses.json"));
	address_records_fini(&records);
	state_close(state);
	empty_folder();
}

static void what_cannot_be_read_is_set_aside(void)
{
	struct state *state = opened();
	struct address_records records = some_records(SOME, MARKER), loaded;
	CU_ASSERT_FATAL(mkdir(path_of("addresses.json"), 0700) == 0);
	capture_log(LOG_INFO);
	state_load_addresses(state, MANY, &loaded);
	const char *log = captured_log();
	EXPECT(is_one_warning(log, "/addresses.json cannot be read: Is a directory; it is kept as"), "%s", log);
	CU_ASSERT_EQUAL(loaded.count, 0);
	address_records_fini(&loaded);
	save(state, &records);
	expect_saved(state, &records);
	if (geteuid() != 0) {
		CU_ASSERT_FATAL(rmdir(path_of("addresses.json.bad")) == 0);
		CU_ASSERT_FATAL(chmod(path_of("addresses.json"), 0) == 0);
		capture_log(LOG_INFO);
		state_load_addresses(state, MANY, &loaded);
		log = captured_log();
		EXPECT(is_one_warning(log, "/addresses.json cannot be read: Permission denied; it is kept as"), "%s",
		       log);
		CU_ASSERT_EQUAL(loaded.count, 0);
		address_records_fini(&loaded);
	}
	address_records_fini(&records);
	state_close(state);
	empty_folder();
}

/* ---- saving that fails ---- */

static void a_temporary_file_that_is_there_is_not_written_into(void)
{
	struct state *state = opened();
	struct address_records records = some_records(SOME, MARKER);
	char victim[2 * PATH_BYTES];
	size_t length;
	write_file("victim", "precious", 8);
	strcpy(victim, path_of("victim"));
	CU_ASSERT_FATAL(symlink(victim, path_of("addresses.json.tmp")) == 0);
	save(state, &records);
	expect_saved(state, &records);
	CU_ASSERT_FATAL(link(victim, path_of("addresses.json.tmp")) == 0);
	save(state, &records);
	expect_saved(state, &records);
	CU_ASSERT_STRING_EQUAL(read_file("victim", &length), "precious");
	CU_ASSERT_FALSE(exists("addresses.json.tmp"));
	address_records_fini(&records);
	state_close(state);
	empty_folder();
}

static void a_save_that_has_no_place_leaves_the_old_file(void)
{
	struct problem problem;
	struct state *state = opened();
	struct address_records old = some_records(SOME, MARKER), other = some_records(MANY, MARKER + 1);
	save(state, &old);
	CU_ASSERT_FATAL(mkdir(path_of("addresses.json.tmp"), 0700) == 0);
	CU_ASSERT_FALSE(state_save_addresses(state, &other, &problem));
	CU_ASSERT_STRING_EQUAL(problem.text, "addresses.json.tmp is a folder: remove it");
	expect_saved(state, &old);
	CU_ASSERT_FATAL(rmdir(path_of("addresses.json.tmp")) == 0);
	save(state, &other);
	expect_saved(state, &other);
	CU_ASSERT_FATAL(remove(path_of("addresses.json")) == 0 && mkdir(path_of("addresses.json"), 0700) == 0);
	CU_ASSERT_FALSE(state_save_addresses(state, &other, &problem));
	CU_ASSERT_STRING_EQUAL(problem.text, "addresses.json is a folder: remove it");
	CU_ASSERT_FALSE(exists("addresses.json.tmp"));
	address_records_fini(&old);
	address_records_fini(&other);
	state_close(state);
	empty_folder();
}

/* A file may grow no more, as on a full disk: after some of it is written. */
static void a_save_that_is_cut_short_leaves_the_old_file(void)
{
	struct state *state = opened();
	struct address_records old = some_records(SOME, MARKER), other = some_records(MANY, MARKER + 1);
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old_action;
	struct rlimit old_limit, limit;
	save(state, &old);
	CU_ASSERT_FATAL(sigaction(SIGXFSZ, &ignore, &old_action) == 0 && getrlimit(RLIMIT_FSIZE, &old_limit) == 0);
	limit = (struct rlimit){.rlim_cur = 10000, .rlim_max = old_limit.rlim_max};
	CU_ASSERT_FATAL(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	struct problem problem = {.text = ""};
	CU_ASSERT_FALSE(state_save_addresses(state, &other, &problem));
	CU_ASSERT_FATAL(setrlimit(RLIMIT_FSIZE, &old_limit) == 0 && sigaction(SIGXFSZ, &old_action, NULL) == 0);
	CU_ASSERT_STRING_EQUAL(problem.text, strerror(EFBIG));
	CU_ASSERT_FALSE(exists("addresses.json.tmp"));
	expect_saved(state, &old);
	address_records_fini(&old);
	address_records_fini(&other);
	state_close(state);
	empty_folder();
}

/* ---- another folder at the same path ---- */

static void what_replaces_the_folder_is_used(void)
{
	struct problem problem;
	struct address_records records = some_records(SOME, MARKER);
	struct nodeid nodeid, again;
	char moved[2 * PATH_BYTES];
	struct state *state = opened();
	CU_ASSERT_FATAL(state_nodeid(state, &nodeid, &problem));
	CU_ASSERT(state_is_in_place(state));
	snprintf(moved, sizeof moved, "%s.moved", folder);
	CU_ASSERT_FATAL(rename(folder, moved) == 0);
	CU_ASSERT_FALSE(state_is_in_place(state));
	CU_ASSERT_FATAL(mkdir(folder, 0700) == 0);
	CU_ASSERT_FALSE(state_is_in_place(state));
	/* Another node takes the new one. */
	struct state *other = opened();
	CU_ASSERT_FALSE(state_move(state, &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "another kithd uses it"));
	CU_ASSERT_FALSE(state_is_in_place(state));
	state_close(other);
	CU_ASSERT_FATAL(state_move(state, &problem));
	CU_ASSERT(state_is_in_place(state));
	CU_ASSERT_PTR_NULL(state_open(folder, &problem));
	save(state, &records);
	state_close(state);
	state = opened();
	CU_ASSERT_FATAL(state_nodeid(state, &again, &problem));
	CU_ASSERT(nodeid_equals(&nodeid, &again));
	expect_saved(state, &records);
	empty_folder();
	/* A missing one is made. */
	CU_ASSERT_FATAL(rmdir(folder) == 0);
	CU_ASSERT_FALSE(state_is_in_place(state));
	CU_ASSERT_FATAL(state_move(state, &problem));
	save(state, &records);
	expect_saved(state, &records);
	address_records_fini(&records);
	state_close(state);
	empty_folder();
	char path[3 * PATH_BYTES];
	snprintf(path, sizeof path, "%s/nodeid", moved);
	CU_ASSERT(unlink(path) == 0 && rmdir(moved) == 0);
}

/* ---- a crash at any moment ---- */

/* How many records a version has. */
static size_t version_count(unsigned version)
{
	return 1 + version * 37 % 300;
}

/* Saves one version after the other until it is killed; a byte says that it has begun to. */
static _Noreturn void save_for_ever(unsigned version, int ready_fd)
{
	struct problem problem = {0};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct state *state = state_open(folder, &problem);
	if (state == NULL)
		_exit(EXIT_FAILURE);
	for (bool is_first = true;; is_first = false, version++) {
		struct address_records records = some_records(version_count(version), version);
		if (!state_save_addresses(state, &records, &problem) || (is_first && write(ready_fd, "", 1) != 1))
			_exit(EXIT_FAILURE);
		address_records_fini(&records);
	}
}

/* Kills a child some time after its first save, within the next few. */
static void save_and_be_killed(unsigned version, int64_t save_us, struct rng *rng)
{
	int ready[2], status;
	char byte;
	int64_t pause_us = rng_below(rng, (uint32_t)(4 * save_us));
	struct timespec pause = {.tv_sec = (time_t)(pause_us / 1000000), .tv_nsec = (long)(pause_us % 1000000 * 1000)};
	CU_ASSERT_FATAL(pipe2(ready, O_CLOEXEC) == 0);
	pid_t child = fork();
	CU_ASSERT_FATAL(child >= 0);
	if (child == 0)
		save_for_ever(version, ready[1]);
	close(ready[1]);
	CU_ASSERT(read(ready[0], &byte, 1) == 1);
	nanosleep(&pause, NULL);
	kill(child, SIGKILL);
	CU_ASSERT(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	close(ready[0]);
}

/* How long it takes here to make and save a version: the mean of a few, and a second at most. */
static int64_t measure_save_us(void)
{
	enum { SAVES = 10, MOST_US = 1000 * 1000 };
	struct state *state = opened();
	int64_t start_us = clock_now_us();
	for (unsigned version = 0; version < SAVES; version++) {
		struct address_records records = some_records(version_count(version), version);
		save(state, &records);
		address_records_fini(&records);
	}
	int64_t took_us = (clock_now_us() - start_us) / SAVES + 1;
	state_close(state);
	return took_us < MOST_US ? took_us : MOST_US;
}

static void a_crash_at_any_moment_leaves_a_whole_file(void)
{
	enum { CRASHES = 200, SEED = 5 };
	int64_t save_us = measure_save_us();
	unsigned version = 1, temporaries = 0, advances = 0;
	struct rng rng;
	rng_seed(&rng, SEED);
	capture_log(LOG_INFO);
	for (unsigned crash = 0; crash < CRASHES; crash++) {
		struct address_records loaded;
		save_and_be_killed(version, save_us, &rng);
		temporaries += exists("addresses.json.tmp");
		/* The lock has gone with the process. */
		struct state *state = opened();
		state_load_addresses(state, MANY, &loaded);
		unsigned found = loaded.count == 0 ? 0 : (unsigned)loaded.records[0].heard_s;
		struct address_records wanted = some_records(version_count(found), found);
		EXPECT(found >= version, "crash %u: version %u after %u", crash, found, version);
		EXPECT(records_equal(&loaded, &wanted), "crash %u: version %u", crash, found);
		advances += found > version;
		version = found + 1;
		address_records_fini(&wanted);
		address_records_fini(&loaded);
		state_close(state);
	}
	CU_ASSERT_STRING_EQUAL(captured_log(), "");
	CU_ASSERT_FALSE(exists("addresses.json.bad"));
	/* Else nothing was interrupted. */
	EXPECT(temporaries > 0 && advances > 0, "%u of %u, %u", temporaries, CRASHES, advances);
	empty_folder();
}

static CU_TestInfo tests[] = {
	{"a folder is made for its owner alone", a_folder_is_made_for_its_owner_alone},
	{"a folder that is none is refused", a_folder_that_is_none_is_refused},
	{"a folder without permission is refused", a_folder_without_permission_is_refused},
	{"a folder is one node's", a_folder_is_one_node_s},
	{"a nodeid is made once and kept", a_nodeid_is_made_once_and_kept},
	{"a nodeid is read however its line ends", a_nodeid_is_read_however_its_line_ends},
	{"a damaged nodeid is set aside", a_damaged_nodeid_is_set_aside},
	{"a nodeid that cannot be read or written is an error", a_nodeid_that_cannot_be_read_or_written_is_an_error},
	{"addresses are kept", addresses_are_kept},
	{"no addresses are no trouble", no_addresses_are_no_trouble},
	{"damaged addresses are salvaged and set aside", damaged_addresses_are_salvaged_and_set_aside},
	{"a foreign file is set aside", a_foreign_file_is_set_aside},
	{"a file that is much too big is foreign", a_file_that_is_much_too_big_is_foreign},
	{"what cannot be read is set aside", what_cannot_be_read_is_set_aside},
	{"a temporary file that is there is not written into", a_temporary_file_that_is_there_is_not_written_into},
	{"a save that has no place leaves the old file", a_save_that_has_no_place_leaves_the_old_file},
	{"a save that is cut short leaves the old file", a_save_that_is_cut_short_leaves_the_old_file},
	{"what replaces the folder is used", what_replaces_the_folder_is_used},
	{"a crash at any moment leaves a whole file", a_crash_at_any_moment_leaves_a_whole_file},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_state = {.pName = "state", .pInitFunc = set_up, .pCleanupFunc = tear_down, .pTests = tests};
