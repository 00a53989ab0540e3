#include "kith/screen.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
/* ncurses has no names for wide characters without it. */
#define NCURSES_WIDECHAR 1
#include <ncursesw/curses.h>

#include "kith/cells.h"
#include "kith/table.h"

static SCREEN *screen;

/* ---- colours ---- */

/* The colours are those of the escapes; each pair has the number of its colour. */
static const struct {
	enum table_colour colour;
	short number;
	attr_t attribute;
} colours[] = {
	{TABLE_GREEN, COLOR_GREEN, 0},
	{TABLE_YELLOW, COLOR_YELLOW, 0},
	{TABLE_RED, COLOR_RED, 0},
	{TABLE_GREY, COLOR_WHITE, A_DIM},
};
enum { COLOURS = sizeof colours / sizeof *colours };

/* None with NO_COLOR: then there are no escapes in the texts. */
static void prepare_colours(void)
{
	if (table_colour_escape(TABLE_GREEN)[0] == '\0' || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	for (size_t i = 0; i < COLOURS; i++)
		init_pair((short)(i + 1), colours[i].number, -1);
}

static void set_colour(const char *escape, size_t length, attr_t style)
{
	for (size_t i = 0; i < COLOURS; i++) {
		const char *own = table_colour_escape(colours[i].colour);
		if (has_colors() && strlen(own) == length && strncmp(own, escape, length) == 0) {
			attr_set(style | colours[i].attribute, (short)(i + 1), NULL);
			return;
		}
	}
	attr_set(style, 0, NULL);
}

/* ---- the terminal ---- */

static bool is_able(void)
{
	const char *moves = tigetstr("cup");
	/* It tells what isn't there by a pointer of -1. */
	return moves != NULL && (intptr_t)moves != -1;
}

bool screen_open(void)
{
	enum { ESCAPE_MS = 50 };
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return false;
	if (!is_able()) {
		screen_close();
		return false;
	}
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	prepare_colours();
	return true;
}

void screen_close(void)
{
	if (screen == NULL)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void screen_suspend(void)
{
	endwin();
}

void screen_resume(void)
{
	screen_resize();
	screen_redraw();
}

void screen_resize(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
}

void screen_size(size_t *rows, size_t *columns)
{
	*rows = (size_t)getmaxy(stdscr);
	*columns = (size_t)getmaxx(stdscr);
}

static void draw_line(int y, const struct picture_line *line, size_t columns)
{
	static const attr_t styles[] = {
		[PICTURE_PLAIN] = A_NORMAL, [PICTURE_BOLD] = A_BOLD, [PICTURE_REVERSE] = A_REVERSE};
	attr_t style = styles[line->style];
	size_t end = cells_fit(line->text, columns), width, bytes;
	move(y, 0);
	attr_set(style, 0, NULL);
	for (size_t at = 0; at < end; at += bytes) {
		bytes = cells_step(line->text + at, &width);
		if (line->text[at] == '\033')
			set_colour(line->text + at, bytes, style);
		else
			addnstr(line->text + at, (int)bytes);
	}
	attr_set(A_NORMAL, 0, NULL);
}

void screen_draw(const struct picture *picture)
{
	size_t rows, columns;
	screen_size(&rows, &columns);
	erase();
	for (size_t i = 0; i < picture->count && i < rows; i++)
		draw_line((int)i, &picture->lines[i], columns);
	refresh();
}

void screen_redraw(void)
{
	reset_prog_mode();
	clearok(curscr, TRUE);
	refresh();
}

/* ---- keys ---- */

static enum press_kind press_of_key(wint_t key)
{
	static const struct {
		wint_t key;
		enum press_kind kind;
	} kinds[] = {
		{KEY_UP, PRESS_UP},	    {KEY_DOWN, PRESS_DOWN},
		{KEY_LEFT, PRESS_LEFT},	    {KEY_RIGHT, PRESS_RIGHT},
		{KEY_PPAGE, PRESS_PAGE_UP}, {KEY_NPAGE, PRESS_PAGE_DOWN},
		{KEY_HOME, PRESS_HOME},	    {KEY_END, PRESS_END},
		{KEY_ENTER, PRESS_ENTER},   {KEY_BACKSPACE, PRESS_BACKSPACE},
		{KEY_DC, PRESS_BACKSPACE},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].key == key)
			return kinds[i].kind;
	return PRESS_OTHER;
}

static struct press press_of_character(wchar_t character)
{
	enum { CONTROL_L = 0x0c, ESCAPE = 0x1b, DELETE = 0x7f };
	struct press press = {.kind = PRESS_TEXT};
	mbstate_t state = {0};
	if (character == L'\r' || character == L'\n')
		press.kind = PRESS_ENTER;
	else if (character == ESCAPE)
		press.kind = PRESS_ESCAPE;
	else if (character == DELETE || character == L'\b')
		press.kind = PRESS_BACKSPACE;
	else if (character == L'\t')
		press.kind = PRESS_TAB;
	else if (character < L' ' || wcrtomb(press.text, character, &state) == (size_t)-1)
		press.kind = PRESS_OTHER;
	if (character == CONTROL_L)
		clearok(curscr, TRUE);
	return press;
}

struct press screen_press(void)
{
	wint_t key;
	int result = get_wch(&key);
	if (result == ERR)
		return (struct press){.kind = PRESS_NONE};
	if (result == KEY_CODE_YES)
		return (struct press){.kind = press_of_key(key)};
	return press_of_character((wchar_t)key);
}

const char *screen_library_version(void)
{
	/* "ncurses 6.4.20221231" */
	const char *version = curses_version(), *number = strchr(version, ' ');
	return number == NULL ? version : number + 1;
}
