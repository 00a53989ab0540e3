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

static bool has(const struct top_layout *layout, size_t column, size_t *width)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->places[i].column == column) {
			*width = layout->places[i].width;
			return true;
		}
	return false;
}

static size_t column_of(const struct top_page_kind *page, const char *heading)
{
	for (size_t i = 0; i < page->column_count; i++)
		if (strcmp(page->columns[i].heading, heading) == 0)
			return i;
	EXPECT(false, "%s has no column %s", page->word, heading);
	return 0;
}

/* At that width and order: it fits, has the first and the sorted column, and keeps the order from left to right. */
static void expect_fit(const struct top_page_kind *page, size_t cells, size_t sort,
		       const size_t wants[static TOP_MOST_COLUMNS])
{
	struct top_layout layout = top_layout(page, cells, sort, wants);
	size_t width;
	EXPECT(width_of(&layout) <= cells, "%s, %zu cells", page->word, cells);
	EXPECT(has(&layout, 0, &width), "%s, %zu cells", page->word, cells);
	EXPECT(cells < 40 || has(&layout, sort, &width), "%s, %zu cells, by %s", page->word, cells,
	       page->columns[sort].words);
	for (size_t i = 1; i < layout.count; i++)
		EXPECT(layout.places[i - 1].column < layout.places[i].column, "%s, %zu cells", page->word, cells);
}

static void test_fits(void)
{
	const size_t wants[TOP_MOST_COLUMNS] = {30, 8, 47, [5] = 20, [10] = 20};
	for (const struct top_page_kind *page = top_pages; page < top_pages + TOP_PAGES; page++)
		for (size_t cells = 1; cells < 250; cells++)
			for (size_t sort = 0; sort < page->column_count; sort++)
				expect_fit(page, cells, sort, wants);
}

static void test_usual_widths(void)
{
	static const struct {
		enum top_page page;
		size_t cells;
		const char *sort, *headings;
	} cases[] = {
		{TOP_PEERS, 7, "NAME", "NAME"},
		{TOP_PEERS, 40, "NAME", "NAME DIR STATE RTT UP"},
		{TOP_PEERS, 40, "BYTES_IN", "NAME DIR STATE RTT BYTES_IN"},
		{TOP_PEERS, 80, "NAME", "NAME NODEID ADDRESS DIR STATE RTT HEARD UP"},
		{TOP_PEERS, 200, "NAME", "NAME NODEID ADDRESS DIR STATE RTT HEARD UP BYTES_IN BYTES_OUT AGENT"},
		{TOP_NODES, 40, "NAME", "NAME STATE SEEN_BY RTT HOPS"},
		{TOP_NODES, 80, "NAME", "NAME NODEID ADDRESS STATE SEEN_BY RTT SINCE UP"},
		{TOP_LINKS, 40, "STATE", "ONE OTHER STATE RTT"},
		{TOP_LINKS, 80, "STATE", "ONE OTHER STATE RTT DOWN ONE_SAYS OTHER_SAYS"},
		{TOP_PROBLEMS, 40, "KIND", "KIND TEXT"},
		{TOP_PROBLEMS, 80, "KIND", "KIND SINCE TEXT"},
	};
	const size_t wants[TOP_MOST_COLUMNS] = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct top_page_kind *page = &top_pages[cases[i].page];
		struct top_layout layout = top_layout(page, cases[i].cells, column_of(page, cases[i].sort), wants);
		char headings[256] = "";
		for (size_t j = 0; j < layout.count; j++)
			strcat(strcat(headings, j == 0 ? "" : " "), page->columns[layout.places[j].column].heading);
		EXPECT(strcmp(headings, cases[i].headings) == 0, "%s, %zu cells: %s", page->word, cases[i].cells,
		       headings);
	}
}

static void test_growing(void)
{
	const struct top_page_kind *page = &top_pages[TOP_PEERS];
	size_t wants[TOP_MOST_COLUMNS] = {12}, name, address, address_column = column_of(page, "ADDRESS");
	struct top_layout layout = top_layout(page, 80, 0, wants);
	CU_ASSERT(has(&layout, 0, &name) && name == 12);
	wants[0] = 300;
	wants[address_column] = 21;
	layout = top_layout(page, 220, 0, wants);
	CU_ASSERT(has(&layout, 0, &name) && name == page->columns[0].most);
	CU_ASSERT(has(&layout, address_column, &address) && address == 21);
}

/* Each is chosen once by its importance, and its letter neither sorts by another nor means something else. */
static void expect_column(const struct top_page_kind *page, size_t column)
{
	char letter = page->columns[column].letter;
	size_t times = 0;
	EXPECT(letter == '\0' || strchr("qh?/pr jk<>1234", letter) == NULL, "%s, %c", page->word, letter);
	for (size_t i = 0; i < column; i++)
		EXPECT(letter == '\0' || page->columns[i].letter != letter, "%s, %c", page->word, letter);
	for (size_t i = 0; i < page->column_count; i++)
		times += page->by_importance[i] == column;
	EXPECT(times == 1, "%s: %s is listed %zu times", page->word, page->columns[column].heading, times);
}

static void test_columns(void)
{
	for (const struct top_page_kind *page = top_pages; page < top_pages + TOP_PAGES; page++) {
		EXPECT(page->column_count <= TOP_MOST_COLUMNS, "%s", page->word);
		for (size_t i = 0; i < page->column_count; i++)
			expect_column(page, i);
	}
}

static CU_TestInfo tests[] = {
	{"the columns fit at any width", test_fits},
	{"which columns are shown", test_usual_widths},
	{"names and addresses take what is left", test_growing},
	{"each column has a letter and a place of its own", test_columns},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_top_layout = {.pName = "top_layout", .pTests = tests};
