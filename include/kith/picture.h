/* What a full screen shows, line by line from its top. A plain value. */
#ifndef KITH_PICTURE_H
#define KITH_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

struct picture_line {
	char *text; /* clean, but for escapes of colours; owned */
	enum picture_style { PICTURE_PLAIN, PICTURE_BOLD, PICTURE_REVERSE } style;
};

struct picture {
	struct picture_line *lines;
	size_t count;
	bool lacks_memory;
};

void picture_fini(struct picture *picture);
/* Takes the text, NULL for no memory. */
void picture_add(struct picture *picture, char *text, enum picture_style style);

#endif
