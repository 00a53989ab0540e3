/*
 * A full screen: what is on it, and which keys are pressed. The one place that includes ncurses; its terminal is stdin
 * and stdout. There is one, of one thread.
 */
#ifndef KITH_SCREEN_H
#define KITH_SCREEN_H

#include "kith/picture.h"
#include "kith/press.h"

/* Takes the terminal over. False if it can't do what is needed: no cursor that moves. */
bool screen_open(void);
/* Gives it back, as it was. */
void screen_close(void);
/* Gives it back for a while; screen_resume takes it again. */
void screen_suspend(void);
void screen_resume(void);
/* Takes over the size that the terminal has now. */
void screen_resize(void);
void screen_size(size_t *rows, size_t *columns);
void screen_draw(const struct picture *picture);
/* Draws all of it again, if something else has written on the terminal. */
void screen_redraw(void);
/* A key that was pressed; PRESS_NONE if there is none. Never blocks. */
struct press screen_press(void);

/* Of ncurses. */
const char *screen_library_version(void);

#endif
