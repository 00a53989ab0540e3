/*
 * Text that grows, for documents: what is the program's own is printed as it is, what comes from nodes is escaped for
 * the language of the document. Lack of memory is remembered. A plain value; one thread.
 */
#ifndef KITH_WRITING_H
#define KITH_WRITING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct writing {
	struct buffer out;
	bool lacks_memory;
};

void writing_fini(struct writing *writing);
size_t writing_length(const struct writing *writing);
/* Ended by NUL; borrowed until the next change. "" if there is no memory. */
const char *writing_content(struct writing *writing);
/* Cuts it to that length, before a character that is not within it as a whole. */
void writing_cut(struct writing *writing, size_t length);

void writing_print(struct writing *writing, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Any text, clean (text_escape) and in UTF-8. In HTML and XML it may stand between tags and in an attribute with
 * quotes; in the language of Graphviz, within quotes.
 */
void writing_text(struct writing *writing, const char *text);
void writing_markup(struct writing *writing, const char *text);
void writing_graphviz(struct writing *writing, const char *text);

#endif
