#include "kith/command.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kith/finder.h"
#include "kith/mesh_ask.h"
#include "kith/mesh_dot.h"
#include "kith/mesh_html.h"
#include "kith/mesh_svg.h"
#include "kith/mesh_text.h"
#include "kith/repeat.h"
#include "kith/words.h"

static enum outcome take_answers(struct session *session, struct mesh *mesh)
{
	for (int answers = 0; answers < MESH_REQUESTS;) {
		enum session_result result = session_expect(session);
		if (result == SESSION_FAILED)
			return session->outcome;
		if (result == SESSION_END)
			answers++;
		else
			mesh_take(mesh, session->row);
	}
	return mesh_finish(mesh) ? OUTCOME_DONE : complain_no_memory();
}

static size_t count_columns(void)
{
	enum { USUAL = 80, MOST = 1000 };
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	long number = columns == NULL ? 0 : strtol(columns, NULL, 10);
	return number > 0 && number <= MOST ? (size_t)number : USUAL;
}

static void write_text(struct writing *out, const struct mesh *mesh)
{
	mesh_text_write(out, mesh, &(struct mesh_text_style){.columns = count_columns(), .has_colours = true});
}

static void write_html(struct writing *out, const struct mesh *mesh)
{
	mesh_html_write(out, mesh, 0);
}

static const struct form {
	enum option_id option;
	void (*write)(struct writing *out, const struct mesh *mesh);
} forms[] = {{OPTION_DOT, mesh_dot_write}, {OPTION_SVG, mesh_svg_write}, {OPTION_HTML, write_html}};

enum { FORMS = sizeof forms / sizeof *forms };

static void write_picture(struct writing *out, const struct mesh *mesh, const struct options *options)
{
	for (size_t i = 0; i < FORMS; i++)
		if (option_is_given(options, forms[i].option)) {
			forms[i].write(out, mesh);
			return;
		}
	write_text(out, mesh);
}

static enum outcome print_once(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	struct mesh mesh;
	struct writing out = {0};
	(void)kind;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	mesh_init(&mesh, words_now());
	outcome = mesh_ask(&session) ? take_answers(&session, &mesh) : session.outcome;
	session_fini(&session);
	if (outcome == OUTCOME_DONE) {
		write_picture(&out, &mesh, options);
		fputs(writing_content(&out), stdout);
		outcome = out.lacks_memory ? complain_no_memory() : OUTCOME_DONE;
	}
	writing_fini(&out);
	mesh_fini(&mesh);
	return outcome;
}

enum outcome run_map(const struct command_kind *kind, const struct options *options)
{
	int given = option_is_given(options, OPTION_WATCH);
	for (size_t i = 0; i < FORMS; i++)
		given += option_is_given(options, forms[i].option);
	if (given > 1)
		return complain(OUTCOME_WRONG_USAGE, "choose one of --watch, --dot, --svg and --html");
	return repeat(kind, options, print_once);
}
