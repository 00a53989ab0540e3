#include <stdlib.h>

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
	if (texts == NULL || atomic_fetch_sub(&texts->references, 1) > 1)
		return;
	free(texts->bootstrap);
	free(texts->allow.blocks);
	free(texts->deny.blocks);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		free(texts->where[i]);
	free(texts);
}

void settings_texts_exchange(struct settings *one, struct settings *other)
{
	mutex_lock(&guard);
	struct settings_texts *before = one->texts;
	one->texts = other->texts;
	other->texts = before;
	mutex_unlock(&guard);
}
