#include "kith/picture.h"

#include <stdlib.h>

void picture_fini(struct picture *picture)
{
	for (size_t i = 0; i < picture->count; i++)
		free(picture->lines[i].text);
	free(picture->lines);
	*picture = (struct picture){0};
}

void picture_add(struct picture *picture, char *text, enum picture_style style)
{
	struct picture_line *grown = reallocarray(picture->lines, picture->count + 1, sizeof *grown);
	if (grown != NULL)
		picture->lines = grown;
	if (grown == NULL || text == NULL) {
		picture->lacks_memory = true;
		free(text);
		return;
	}
	picture->lines[picture->count++] = (struct picture_line){text, style};
}
