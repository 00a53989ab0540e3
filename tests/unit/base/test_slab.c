#include "base/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/suites.h"

enum { OBJECTS = 1000, STEPS = 20000 };

struct object {
	uint64_t number;
	char rest[93]; /* so that its size isn't a multiple of what it is aligned to */
};

static bool is_zero(const char *bytes, size_t count)
{
	size_t i = 0;
	while (i < count && bytes[i] == 0)
		i++;
	return i == count;
}

static void objects_are_zeroed_and_apart(void)
{
	static struct object *objects[OBJECTS];
	struct slab slab;
	slab_init(&slab, sizeof(struct object));
	for (size_t i = 0; i < OBJECTS; i++) {
		struct object *object = objects[i] = slab_take(&slab);
		CU_ASSERT_FATAL(object != NULL);
		EXPECT((uintptr_t)object % sizeof(void *) == 0, "object %zu at %p", i, (void *)object);
		EXPECT(is_zero((const char *)object, sizeof *object), "object %zu", i);
		memset(object->rest, 0xff, sizeof object->rest);
		object->number = i;
	}
	for (size_t i = 0; i < OBJECTS; i++) {
		EXPECT(objects[i]->number == i, "object %zu has %llu", i, (unsigned long long)objects[i]->number);
		slab_give(&slab, objects[i]);
	}
	slab_fini(&slab);
}

static void what_was_given_back_is_taken_first(void)
{
	struct slab slab;
	slab_init(&slab, sizeof(struct object));
	struct object *first = slab_take(&slab), *second = slab_take(&slab);
	slab_give(&slab, first);
	struct object *third = slab_take(&slab);
	CU_ASSERT_PTR_EQUAL(third, first);
	CU_ASSERT_EQUAL(third->number, 0);
	slab_give(&slab, second);
	slab_give(&slab, third);
	slab_give(&slab, NULL);
	slab_fini(&slab);
}

/* Taken and given back at random, no object is handed out twice, and none loses what is in it. */
static void at_random(void)
{
	static struct object *objects[OBJECTS];
	struct slab slab;
	struct rng rng;
	memset(objects, 0, sizeof objects);
	rng_seed(&rng, 1);
	slab_init(&slab, sizeof(struct object));
	for (uint64_t step = 1; step <= STEPS; step++) {
		/* At first mostly taken, then mostly given back: chunks are filled, emptied and filled again. */
		size_t i = rng_below(&rng, step / 5000 % 2 == 0 ? OBJECTS : OBJECTS / 10);
		if (objects[i] == NULL) {
			objects[i] = slab_take(&slab);
			CU_ASSERT_FATAL(objects[i] != NULL);
			EXPECT(objects[i]->number == 0, "step %llu", (unsigned long long)step);
			objects[i]->number = i + 1;
		} else {
			EXPECT(objects[i]->number == i + 1, "step %llu", (unsigned long long)step);
			slab_give(&slab, objects[i]);
			objects[i] = NULL;
		}
	}
	for (size_t i = 0; i < OBJECTS; i++)
		slab_give(&slab, objects[i]);
	slab_fini(&slab);
}

static void nothing_was_taken(void)
{
	struct slab slab;
	slab_init(&slab, 1);
	slab_fini(&slab);
}

static CU_TestInfo tests[] = {
	{"objects are zeroed and apart", objects_are_zeroed_and_apart},
	{"what was given back is taken first", what_was_given_back_is_taken_first},
	{"at random", at_random},
	{"nothing was taken", nothing_was_taken},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_slab = {.pName = "slab", .pTests = tests};
