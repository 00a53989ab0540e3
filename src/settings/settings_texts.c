#include <stdlib.h>
#include <string.h>

#include "base/sync.h"
#include "settings/settings_priv.h"

/* Between reading the pointer and counting the reference nobody may exchange it. Held for these few instructions, by
 * few threads, so all settings share one. */
static struct mutex guard = MUTEX_INITIALIZER;

struct settings_texts *settings_texts_new(void)
{
	struct settings_texts *texts = calloc(1, sizeof *texts);
	if (texts != NULL)
		texts->references = 1;
	return texts;
}

static void free_texts(struct settings_texts *texts)
{
	free(texts->bootstrap);
	free(texts->allow.blocks);
	free(texts->deny.blocks);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		free(texts->where[i]);
	free(texts);
}

/* A copy of an array, of at least one element; NULL if there is no memory. */
static void *copy_array(const void *array, size_t count, size_t size)
{
	void *copy = calloc(count + 1, size);
	if (copy != NULL && count > 0)
		memcpy(copy, array, count * size);
	return copy;
}

struct settings_texts *settings_texts_copy(const struct settings_texts *texts)
{
	struct settings_texts *copy = settings_texts_new();
	if (copy == NULL)
		return NULL;
	copy->advertise = texts->advertise;
	memcpy(copy->name, texts->name, sizeof copy->name);
	memcpy(copy->tags, texts->tags, sizeof copy->tags);
	copy->tag_count = texts->tag_count;
	copy->bootstrap_count = texts->bootstrap_count;
	copy->allow.count = texts->allow.count;
	copy->deny.count = texts->deny.count;
	copy->bootstrap = copy_array(texts->bootstrap, texts->bootstrap_count, sizeof *texts->bootstrap);
	copy->allow.blocks = copy_array(texts->allow.blocks, texts->allow.count, sizeof *texts->allow.blocks);
	copy->deny.blocks = copy_array(texts->deny.blocks, texts->deny.count, sizeof *texts->deny.blocks);
	bool is_whole = copy->bootstrap != NULL && copy->allow.blocks != NULL && copy->deny.blocks != NULL;
	for (size_t i = 0; i < SETTING_COUNT && is_whole; i++) {
		copy->where[i] = texts->where[i] == NULL ? NULL : strdup(texts->where[i]);
		is_whole = texts->where[i] == NULL || copy->where[i] != NULL;
	}
	if (is_whole)
		return copy;
	free_texts(copy);
	return NULL;
}

const struct settings_texts *settings_hold_texts(const struct settings *settings)
{
	mutex_lock(&guard);
	struct settings_texts *texts = settings->texts;
	atomic_fetch_add(&texts->references, 1);
	mutex_unlock(&guard);
	return texts;
}

void settings_release_texts(const struct settings_texts *held)
{
	struct settings_texts *texts = (struct settings_texts *)held;
	if (texts != NULL && atomic_fetch_sub(&texts->references, 1) == 1)
		free_texts(texts);
}

void settings_texts_exchange(struct settings *one, struct settings *other)
{
	mutex_lock(&guard);
	struct settings_texts *before = one->texts;
	one->texts = other->texts;
	other->texts = before;
	mutex_unlock(&guard);
}
