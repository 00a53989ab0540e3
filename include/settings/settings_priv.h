/*
 * Inside the settings: a row of the table for each setting (settings_table.c), the types that the rows have
 * (setting_types.c, setting_addresses.c), and what sets a row from the file (settings_source.c reads it,
 * settings_syntax.c checks it, settings_file.c takes it over) or from the command line (settings.c).
 */
#ifndef KITH_SETTINGS_PRIV_H
#define KITH_SETTINGS_PRIV_H

#include "settings/settings.h"

/* A value as it was written, in the file or after -o, before its setting's type has judged it. */
struct value {
	enum { VALUE_NUMBER, VALUE_BOOLEAN, VALUE_TEXT, VALUE_LIST, VALUE_OTHER } kind;
	int wrong_element; /* of a list that is VALUE_OTHER for it: from 1 */
	bool is_true;
	double number;
	const char *text;
	const char *const *list;
	size_t count;
};

struct setting;

/* A value as it is written, cut to size. */
struct written {
	char *text;
	size_t bytes, length;
};

struct setting_type {
	bool (*set)(struct settings *settings, const struct setting *setting, const struct value *value,
		    struct problem *problem);
	/* As the file would write it. */
	void (*format)(const struct settings *settings, const struct setting *setting, struct written *out);
	bool (*equals)(const struct settings *one, const struct settings *other, const struct setting *setting);
	/* Two settings swap it; NULL for what is in settings_texts, or needs a restart. */
	void (*exchange)(struct settings *one, struct settings *other, const struct setting *setting);
	enum { READ_NUMBER, READ_BOOLEAN, READ_TEXT, READ_LIST } option_syntax;
};

struct setting {
	const char *name;
	const struct setting_type *type;
	const char *default_text;
	const char *wanted;	    /* what would be right */
	const char *example;	    /* of a path */
	const char *const *choices; /* the words, ended by NULL; the value is the number of one */
	size_t offset;
	double least, most;
	bool takes_zero; /* besides: for no limit */
	bool needs_restart;
	bool is_in_texts; /* offset is of struct settings_texts */
};

extern const struct setting settings_table[SETTING_COUNT];

extern const struct setting_type setting_type_count, setting_type_seconds, setting_type_boolean, setting_type_text,
	setting_type_network, setting_type_name, setting_type_nodeid, setting_type_path, setting_type_secret_file,
	setting_type_choice, setting_type_control, setting_type_tags;
extern const struct setting_type setting_type_listen, setting_type_advertise, setting_type_bootstrap,
	setting_type_blocks;

/* These return false; the problem of a value is half a sentence, which follows the setting's name. */
bool setting_wrong_value(const struct setting *setting, struct problem *problem);
bool setting_wrong_list(const struct setting *setting, const struct value *value, struct problem *problem);
bool setting_lacks_memory(struct problem *problem);

void setting_add_text(struct written *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void setting_add_quoted(struct written *out, const char *text);

bool setting_append_bootstrap(struct settings *settings, const char *text, struct problem *problem);

static inline void *setting_field(struct settings *settings, const struct setting *setting)
{
	return (setting->is_in_texts ? (char *)settings->texts : (char *)settings) + setting->offset;
}

static inline const void *setting_const_field(const struct settings *settings, const struct setting *setting)
{
	return (setting->is_in_texts ? (const char *)settings->texts : (const char *)settings) + setting->offset;
}

/* Those of new settings: empty, and held once. NULL if there is no memory. */
struct settings_texts *settings_texts_new(void);
/* A copy, held once; NULL if there is no memory. */
struct settings_texts *settings_texts_copy(const struct settings_texts *texts);
/* Two settings swap theirs, which other threads may hold. */
void settings_texts_exchange(struct settings *one, struct settings *other);

/* The row of that name; NULL with a problem, which says which name was probably meant. */
const struct setting *settings_find(const char *name, const char *where, struct problem *problem);

/*
 * The whole file as a string without a byte order mark, which the caller frees; NULL with a problem, which is half a
 * sentence. interrupted is that of settings_read_file.
 */
char *settings_source_read(const char *path, bool (*interrupted)(void), struct problem *problem);

/*
 * False with a problem for what libconfig reads otherwise than people mean it. Where libconfig finds an error,
 * *wrong_line is its line, or 0 if it has not been found.
 */
bool settings_check_syntax(const char *content, const char *path, unsigned *wrong_line, struct problem *problem);

/* subject is the setting's name if where does not contain it. */
bool settings_set(struct settings *settings, const struct setting *setting, const struct value *value,
		  const char *where, const char *subject, struct problem *problem);

#endif
