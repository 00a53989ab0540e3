/* A key that was pressed. A plain value. */
#ifndef KITH_PRESS_H
#define KITH_PRESS_H

#include <limits.h>

enum press_kind {
	PRESS_NONE,
	PRESS_TEXT, /* a character */
	PRESS_UP,
	PRESS_DOWN,
	PRESS_LEFT,
	PRESS_RIGHT,
	PRESS_PAGE_UP,
	PRESS_PAGE_DOWN,
	PRESS_HOME,
	PRESS_END,
	PRESS_ENTER,
	PRESS_ESCAPE,
	PRESS_BACKSPACE,
	PRESS_TAB,
	PRESS_OTHER,
};

enum { PRESS_BYTES = MB_LEN_MAX + 1 };
struct press {
	enum press_kind kind;
	char text[PRESS_BYTES];
};

#endif
