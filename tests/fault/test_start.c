/*
 * The life of a node from its start to its stop, with each of its calls made to fail in turn: it starts, serves and
 * stops as it should, or says in one line why it can't start and ends with the status that kithd(8) names. What is lost
 * is never more than what the failed call was for.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "book/state.h"
#include "faults.h"
#include "suites.h"
#include "system/raw.h"

enum { STATUS_SYSTEM = 71, STATUS_SETTINGS = 78 };
/* So many at once. */
enum { LIVES = 4 };

#define NODEID "5a1ecd62-7f8b-4736-9802-d898470b1805"

struct life {
	struct seam *seam;
	struct kithd *kithd;
	const char *folder, *settings;
};

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");
	if (file == NULL || fputs(content, file) == EOF || fclose(file) != 0)
		harness_fail("cannot write %s", path);
}

/* What an earlier run has left. */
static void furnish(const struct life *life)
{
	write_file(harness_text("%s/" STATE_NODEID_FILE, life->folder), NODEID "\n");
	write_file(harness_text("%s/" STATE_ADDRESSES_FILE, life->folder),
		   "{\"format\":\"kith addresses\",\"version\":1,\"saved\":1764000000,\n"
		   "\"secret\":\"000102030405060708090a0b0c0d0e0f\",\n"
		   "\"addresses\":[\n"
		   "{\"address\":\"127.0.0.1:9\",\"kind\":\"new\",\"heard\":1763999999}\n"
		   "]}\n");
}

static void begin(struct life *life, const struct fault *fault, unsigned pass)
{
	furnish(life);
	faults_arm(life->seam, fault, pass, 1);
	const char *control = harness_text("control=%s/sock", life->folder);
	life->kithd = kithd_launch(&(struct launch){
		.argv = (const char *const[]){"-c", life->settings, "-l", "127.0.0.1:0", "-o", control, NULL},
		.prepare = faults_prepare,
		.given = life->seam});
}

/* Its nodeid, which it must have kept, stands in the table; asked for again where that table was lost to the fault. */
static bool serves(struct kithd *kithd)
{
	static const char sign[] = "node " NODEID " name life";
	int64_t since_us = clock_now_us(), again_us = 0, deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	while (strstr(kithd_output(kithd), "# end\n") == NULL) {
		if (kithd_has_ended(kithd))
			return false;
		if (clock_now_us() > deadline_us)
			harness_fail("a node neither serves nor ends");
		/* Before the first line, the signal might kill it. */
		if (kithd_log(kithd)[0] != '\0' && clock_now_us() > again_us) {
			kithd_signal(kithd, SIGUSR1);
			again_us = harness_deadline_us(0.3);
		}
		harness_pause(since_us);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(kithd_output(kithd), sign));
	return true;
}

/* The program says why it ends, in one line, which is its last. */
static bool has_complained(struct kithd *kithd)
{
	const char *line = strstr(kithd_log(kithd), "kithd: ");
	while (line != NULL && line != kithd_log(kithd) && line[-1] != '\n')
		line = strstr(line + 1, "kithd: ");
	return line != NULL && strchr(line, '\n') == line + strlen(line) - 1;
}

/* True if it was hit. */
static bool end(struct life *life, const struct fault *fault, unsigned pass)
{
	bool served = serves(life->kithd);
	if (served)
		kithd_signal(life->kithd, SIGTERM);
	int status = kithd_wait(life->kithd);
	bool hit = faults_has_hit(life->seam);
	bool is_good =
		served ? status == 0
		       : hit && (status == STATUS_SYSTEM || status == STATUS_SETTINGS) && has_complained(life->kithd);
	if (!is_good)
		harness_fail("%s, %s, the one after %u: status %d:\n%s", fault->call, fault->result, pass, status,
			     kithd_log(life->kithd));
	if (hit)
		faults_tell(fault, served		     ? OUTCOME_NONE
				   : status == STATUS_SYSTEM ? OUTCOME_NO_SYSTEM
							     : OUTCOME_NO_SETTING);
	return hit;
}

/* All calls of a kind in turn, until a whole life passes without the one that was to fail. */
static void live(struct life lives[static LIVES], const struct fault *fault)
{
	bool hit = true;
	for (unsigned pass = 0; hit; pass += LIVES) {
		for (unsigned i = 0; i < LIVES; i++)
			begin(&lives[i], fault, pass + i);
		for (unsigned i = 0; i < LIVES; i++)
			hit = end(&lives[i], fault, pass + i) && hit;
		kithd_forget_all();
	}
}

static void test_life(void)
{
	struct life lives[LIVES];
	for (size_t i = 0; i < LIVES; i++) {
		lives[i].seam = faults_open();
		lives[i].folder = harness_make_folder();
		lives[i].settings = harness_write_file(harness_text(
			"name = \"life\"; nodeid = \"keep\"; state_dir = \"%s\"; bootstrap = [\"127.0.0.1:9\"];",
			lives[i].folder));
	}
	for (size_t i = 0; i < fault_count; i++)
		live(lives, &faults[i]);
	for (size_t i = 0; i < LIVES; i++)
		faults_close(lives[i].seam);
}

static CU_TestInfo tests[] = {
	{"each call of a node's life fails: it serves, or says why not", test_life},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_start = {
	.pName = "start", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
