#include "kith/top_layout.h"

#include <string.h>

#include "runner.h"
#include "unit/suites.h"

static size_t width_of(const struct top_layout *layout)
{
	size_t width = 0;
	for (size_t i = 0; i < layout->count; i++)
		width += layout->places[i].width + (i == 0 ? 0 : TOP_GAP);
	return width;
}

static bool has(const struct top_layout *layout, enum top_column column, size_t *width)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->places[i].column == column) {
			*width = layout->places[i].width;
			return true;
		}
	return false;
}

/* At any width and order: it fits, has a name and the sorted column, and keeps the order from left to right. */
static void test_fits(void)
{
	const size_t wants[TOP_COLUMNS] = {[TOP_NAME] = 30, [TOP_ADDRESS] = 47, [TOP_AGENT] = 20};
	for (size_t cells = 1; cells < 250; cells++)
		for (enum top_column sort = 0; sort < TOP_COLUMNS; sort++) {
			struct top_layout layout = top_layout(cells, sort, wants);
			size_t width;
			EXPECT(width_of(&layout) <= cells, "%zu cells", cells);
			EXPECT(has(&layout, TOP_NAME, &width), "%zu cells", cells);
			EXPECT(cells < 30 || has(&layout, sort, &width), "%zu cells, by %s", cells,
			       top_columns[sort].words);
			for (size_t i = 1; i < layout.count; i++)
				EXPECT(layout.places[i - 1].column < layout.places[i].column, "%zu cells", cells);
		}
}

static void test_usual_widths(void)
{
	static const struct {
		size_t cells;
		enum top_column sort;
		const char *headings;
	} cases[] = {
		{7, TOP_NAME, "NAME"},
		{40, TOP_NAME, "NAME DIR STATE RTT UP"},
		{40, TOP_BYTES_IN, "NAME DIR STATE RTT BYTES_IN"},
		{80, TOP_NAME, "NAME NODEID ADDRESS DIR STATE RTT HEARD UP"},
		{200, TOP_NAME, "NAME NODEID ADDRESS DIR STATE RTT HEARD UP BYTES_IN BYTES_OUT AGENT"},
	};
	const size_t wants[TOP_COLUMNS] = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct top_layout layout = top_layout(cases[i].cells, cases[i].sort, wants);
		char headings[256] = "";
		for (size_t j = 0; j < layout.count; j++)
			strcat(strcat(headings, j == 0 ? "" : " "), top_columns[layout.places[j].column].heading);
		EXPECT(strcmp(headings, cases[i].headings) == 0, "%zu cells: %s", cases[i].cells, headings);
	}
}

static void test_growing(void)
{
	size_t wants[TOP_COLUMNS] = {[TOP_NAME] = 12}, name, address;
	struct top_layout layout = top_layout(80, TOP_NAME, wants);
	CU_ASSERT(has(&layout, TOP_NAME, &name) && name == 12);
	wants[TOP_NAME] = 300;
	wants[TOP_ADDRESS] = 21;
	layout = top_layout(220, TOP_NAME, wants);
	CU_ASSERT(has(&layout, TOP_NAME, &name) && name == top_columns[TOP_NAME].most);
	CU_ASSERT(has(&layout, TOP_ADDRESS, &address) && address == 21);
}

/* No two columns have the same letter, and none one that means something else. */
static void test_letters(void)
{
	for (enum top_column i = 0; i < TOP_COLUMNS; i++) {
		EXPECT(strchr("qh?/pr jk<>", top_columns[i].letter) == NULL, "%s", top_columns[i].words);
		for (enum top_column j = 0; j < i; j++)
			EXPECT(top_columns[i].letter != top_columns[j].letter, "%s", top_columns[i].words);
	}
}

static CU_TestInfo tests[] = {
	{"the columns fit at any width", test_fits},
	{"which columns are shown", test_usual_widths},
	{"names and addresses take what is left", test_growing},
	{"each letter sorts by one column", test_letters},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_top_layout = {.pName = "top_layout", .pTests = tests};
