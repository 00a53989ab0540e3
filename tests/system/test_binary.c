#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "kithd.h"
#include "runner.h"
#include "suites.h"

/* What the compiler and the linker were to do for the program's safety, found in the program that they made. */

enum { OUTPUT_BYTES = 1 << 20 };

/* What a command of binutils says of the program; kept until the end of the test. */
static const char *ask(const char *command)
{
	const char *program = getenv("KITHD");
	const char *line = harness_text("LC_ALL=C %s '%s'", command, program == NULL ? "build/kithd" : program);
	char *output = malloc(OUTPUT_BYTES);
	FILE *pipe = popen(line, "re"); /* NOLINT(cert-env33-c): a fixed command of the test's own */
	if (pipe == NULL || output == NULL)
		abort();
	size_t length = fread(output, 1, OUTPUT_BYTES - 1, pipe);
	output[length] = '\0';
	const char *kept = harness_text("%s", output);
	free(output);
	if (pclose(pipe) != 0 || length == OUTPUT_BYTES - 1)
		harness_fail("`%s` failed; is binutils installed?", line);
	return kept;
}

/* The rest of the first line that has word, from there on; NULL if there is none. */
static const char *line_with(const char *text, const char *word)
{
	const char *found = strstr(text, word);
	return found == NULL ? NULL : harness_text("%.*s", (int)strcspn(found, "\n"), found);
}

static bool line_says(const char *text, const char *word, const char *what)
{
	const char *line = line_with(text, word);
	return line != NULL && strstr(line, what) != NULL;
}

static void test_position(void)
{
	const char *dynamic = ask("readelf -dW");
	CU_ASSERT(line_says(ask("readelf -hW"), "Type:", "DYN"));
	CU_ASSERT(line_says(dynamic, "(FLAGS_1)", "PIE"));
	CU_ASSERT_PTR_NULL(strstr(dynamic, "TEXTREL"));
}

static void test_relocations_are_read_only(void)
{
	CU_ASSERT_PTR_NOT_NULL(line_with(ask("readelf -lW"), "GNU_RELRO"));
	CU_ASSERT(line_says(ask("readelf -dW"), "(FLAGS_1)", "NOW"));
}

static void test_nothing_is_writable_and_executable(void)
{
	const char *segments = ask("readelf -lW");
	CU_ASSERT_PTR_NOT_NULL(strstr(segments, "LOAD"));
	CU_ASSERT(line_says(segments, "GNU_STACK", " RW "));
	CU_ASSERT_PTR_NULL(strstr(segments, " RWE "));
	CU_ASSERT_PTR_NULL(strstr(segments, "  WE "));
}

static void test_no_folder_of_libraries(void)
{
	const char *dynamic = ask("readelf -dW");
	CU_ASSERT_PTR_NOT_NULL(strstr(dynamic, "(NEEDED)"));
	CU_ASSERT_PTR_NULL(strstr(dynamic, "(RPATH)"));
	CU_ASSERT_PTR_NULL(strstr(dynamic, "(RUNPATH)"));
}

/* The symbol alone would prove nothing: a library that is linked in has it too. main() has a buffer. */
static void test_stack_protector(void)
{
	const char *code = ask("objdump -d --no-show-raw-insn --disassemble=main");
	if (harness_can(strstr(code, "<main>:") != NULL, "the stack is protected", "the program is stripped"))
		CU_ASSERT_PTR_NOT_NULL(strstr(code, "__stack_chk_fail"));
}

/* Of libsodium, which is linked in and has fortified calls of its own, kithd has nothing that prints. */
static void test_fortified_calls(void)
{
	const char *symbols = ask("readelf -sW");
	bool is_sanitizer = strstr(symbols, "__asan_init") != NULL || strstr(symbols, "__tsan_init") != NULL ||
			    strstr(symbols, "__ubsan_handle") != NULL;
	if (!harness_can(!is_sanitizer, "calls of the C library check their buffers", "a sanitizer checks them itself"))
		return;
	if (strstr(symbols, "__vsnprintf_chk") == NULL || strstr(symbols, "__memcpy_chk") == NULL)
		harness_fail("no call is fortified, which takes an optimiser: were the CFLAGS without -O?");
}

/* What /proc says of the process; its NULs are spaces. */
static const char *look_up(struct kithd *kithd, const char *what)
{
	static char content[16 * 1024];
	FILE *file = fopen(harness_text("/proc/%d/%s", (int)kithd_pid(kithd), what), "re");
	if (file == NULL)
		abort();
	size_t length = fread(content, 1, sizeof content - 1, file);
	fclose(file);
	for (size_t i = 0; i < length; i++)
		if (content[i] == '\0')
			content[i] = ' ';
	content[length] = '\0';
	return content;
}

static void test_thread_caches(void)
{
	if (!harness_can(getenv("GLIBC_TUNABLES") == NULL, "glibc keeps little for each thread",
			 "the environment has GLIBC_TUNABLES"))
		return;
	/* glibc may have put a NUL behind each. */
	static const char *const tunables[] = {"GLIBC_TUNABLES=glibc.malloc.tcache_count=0", "glibc.rtld.nns=1",
					       "glibc.rtld.optional_static_tls=0"};
	struct kithd *kithd = kithd_plain();
	for (size_t i = 0; i < sizeof tunables / sizeof *tunables; i++)
		EXPECT(strstr(look_up(kithd, "environ"), tunables[i]) != NULL, "no %s", tunables[i]);
	EXPECT(strcmp(look_up(kithd, "comm"), "kithd\n") == 0, "it is called %s", look_up(kithd, "comm"));
}

/* Then /proc/self/exe is the loader. */
static void test_started_by_the_loader(void)
{
	const char *line = line_with(ask("readelf -lW"), "interpreter: ");
	const char *loader = line == NULL ? "" : line + strlen("interpreter: ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	const char *run = harness_text("sh -c 'exec env -u GLIBC_TUNABLES %.*s \"$0\" -t -c /dev/null -o name=x'",
				       (int)strcspn(loader, "]"), loader);
	CU_ASSERT_STRING_EQUAL(ask(run), "/dev/null is good (0 settings)\n");
}

static CU_TestInfo tests[] = {
	{"kithd can be loaded at any address", test_position},
	{"what the loader writes is read-only before kithd runs", test_relocations_are_read_only},
	{"no memory is writable and executable, the stack included", test_nothing_is_writable_and_executable},
	{"kithd names no folder to take libraries from", test_no_folder_of_libraries},
	{"the stack is protected", test_stack_protector},
	{"calls of the C library check their buffers", test_fortified_calls},
	{"glibc keeps little for each thread, and kithd keeps its name", test_thread_caches},
	{"kithd can be started by the loader", test_started_by_the_loader},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_binary = {
	.pName = "binary", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
