#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/cells.h"
#include "kith/mesh_text.h"
#include "runner.h"
#include "unit/kith/some_mesh.h"
#include "unit/suites.h"

static const struct mesh_text_style style = {.columns = 80};

static struct writing draw(const struct mesh *mesh, size_t columns)
{
	struct writing out = {0};
	struct mesh_text_style narrow = {.columns = columns};
	mesh_text_write(&out, mesh, &narrow);
	CU_ASSERT(!out.lacks_memory);
	return out;
}

static size_t widest_line(const char *text)
{
	size_t widest = 0;
	while (*text != '\0') {
		char line[1024];
		size_t length = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)length, text);
		size_t width = cells_width(line);
		widest = width > widest ? width : widest;
		text += length + (text[length] != '\0');
	}
	return widest;
}

static void four_nodes_are_a_matrix(void)
{
	static const char picture[] = "4 nodes: 3 alive, 1 gone; 1 link, 1 pair one way, 1 pair can't talk\n"
				      "\n"
				      "        alpha  beta delta gamma\n"
				      "* alpha     \\   0.5     -     >\n"
				      "  beta    0.5     \\     -     X\n"
				      "- delta     -     -     \\     -\n"
				      "  gamma     <     X     -     \\\n"
				      "\n"
				      "round trips in ms, - gone, > < only one can dial, X can't talk, * this node\n";
	struct mesh mesh;
	struct writing out = {0};
	some_mesh_four(&mesh);
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	mesh_text_write(&out, &mesh, &style);
	EXPECT(strcmp(writing_content(&out), picture) == 0, "\n%s", writing_content(&out));
	writing_fini(&out);
	mesh_fini(&mesh);
}

static void every_width_is_kept_to(void)
{
	static const int sizes[] = {2, 5, 14, 17, 25, 34, 40};
	static const size_t widths[] = {80, 120, 60, 50};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t j = 0; j < sizeof widths / sizeof *widths; j++) {
			struct mesh mesh;
			some_mesh_full(&mesh, sizes[i], NULL);
			struct writing out = draw(&mesh, widths[j]);
			const char *text = writing_content(&out);
			EXPECT(widest_line(text) <= widths[j], "%d nodes in %zu: %zu\n%s", sizes[i], widths[j],
			       widest_line(text), text);
			EXPECT(some_mesh_count(text, "\n  web-eu-") + some_mesh_count(text, "\n  we~") +
					       some_mesh_count(text, "\n  web~") ==
				       (size_t)sizes[i] - 1,
			       "%d nodes in %zu:\n%s", sizes[i], widths[j], text);
			writing_fini(&out);
			mesh_fini(&mesh);
		}
}

static void narrow_cells_have_steps_of_distance(void)
{
	struct mesh mesh;
	struct writing out = {0};
	mesh_init(&mesh, 0);
	some_mesh_full(&mesh, 30, NULL);
	out = draw(&mesh, 80);
	CU_ASSERT_PTR_NOT_NULL(strstr(writing_content(&out), "\n1 < 1 ms, * this node\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(writing_content(&out), "1 1 1 1 1 \\ 1 1 1 1"));
	writing_fini(&out);
	setlocale(LC_CTYPE, "C.UTF-8");
	out = draw(&mesh, 80);
	setlocale(LC_CTYPE, "C");
	CU_ASSERT_PTR_NOT_NULL(strstr(writing_content(&out), "\n\xe2\x96\x81 < 1 ms, "));
	writing_fini(&out);
	mesh_fini(&mesh);
}

static void many_nodes_are_a_list_of_the_worst(void)
{
	static const char *const all_broken[] = {"down", NULL};
	struct mesh mesh;
	some_mesh_full(&mesh, 41, NULL);
	struct writing out = draw(&mesh, 80);
	CU_ASSERT_STRING_EQUAL(writing_content(&out), "41 nodes: 41 alive; 820 links\n41 nodes are without trouble\n");
	writing_fini(&out);
	mesh_fini(&mesh);
	some_mesh_full(&mesh, 60, all_broken);
	out = draw(&mesh, 80);
	const char *text = writing_content(&out);
	CU_ASSERT_EQUAL(some_mesh_count(text, "\nweb-eu-"), 40);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nNODE        LINKS  TROUBLE\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "can't talk: web-eu-000, web-eu-001, web-eu-002, web-eu-003"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "and 55 more\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n20 more nodes have trouble, 0 have none\n"));
	EXPECT(widest_line(text) <= 80, "%zu\n%s", widest_line(text), text);
	writing_fini(&out);
	mesh_fini(&mesh);
}

static void problems_come_first(void)
{
	struct mesh mesh;
	some_mesh_four(&mesh);
	for (int i = 0; i < 7; i++)
		some_mesh_row(&mesh,
			      "{'msgtype':'problem','text':'problem %d is a long sentence, which takes more than "
			      "one line of this terminal','advice':'Check it','is_notice':%s}",
			      i, i == 0 ? "true" : "false");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	struct writing out = draw(&mesh, 80);
	CU_ASSERT_PTR_NOT_NULL(strstr(writing_content(&out),
				      "\n  ! problem 1 is a long sentence, which takes more than "
				      "one line of this\n    terminal\n    Check it\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(writing_content(&out), "\n  and 2 more: kith problems\n"));
	CU_ASSERT_PTR_NULL(strstr(writing_content(&out), "problem 0"));
	writing_fini(&out);
	mesh_fini(&mesh);
}

/* Any name, in any width. */
static void odd_names_keep_the_matrix_straight(void)
{
	for (size_t columns = 1; columns < 60; columns++) {
		struct mesh mesh;
		mesh_init(&mesh, 0);
		some_mesh_node(&mesh, 1, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
			       "");
		some_mesh_node(&mesh, 2, "a\\u0000b", "");
		some_mesh_node(&mesh, 3, "\xcc\x81", "");
		some_mesh_node(&mesh, 4, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "");
		some_mesh_link(&mesh, 1, 4, "down", "");
		CU_ASSERT_FATAL(mesh_finish(&mesh));
		struct writing out = draw(&mesh, columns);
		EXPECT(columns < 24 || widest_line(writing_content(&out)) <= columns, "%zu:\n%s", columns,
		       writing_content(&out));
		writing_fini(&out);
		mesh_fini(&mesh);
	}
}

static CU_TestInfo tests[] = {
	{"four nodes are a matrix", four_nodes_are_a_matrix},
	{"every width is kept to", every_width_is_kept_to},
	{"narrow cells have steps of distance", narrow_cells_have_steps_of_distance},
	{"many nodes are a list of the worst", many_nodes_are_a_list_of_the_worst},
	{"problems come first", problems_come_first},
	{"odd names keep the matrix straight", odd_names_keep_the_matrix_straight},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_mesh_text = {.pName = "mesh_text", .pTests = tests};
