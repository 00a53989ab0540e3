#include "link/tls_crew_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "base/sync.h"

extern struct mutex tls_crew_guard;

enum { CREW_MOST = 8 };

/* Work that somebody waits for. */
struct step {
	int (*work)(void *);
	void *argument;
	struct step *next;
	struct condition done;
	bool is_done;
	int result;
};

struct tls_crew {
	/* Immutable. */
	struct mutex mutex;
	struct condition asked;
	struct thread threads[CREW_MOST];
	size_t count;
	/* Guarded. */
	struct step *first GUARDED_BY(tls_crew_guard);
	struct step **last GUARDED_BY(tls_crew_guard);
	bool is_over GUARDED_BY(tls_crew_guard);
};

static void enter(struct tls_crew *crew) ACQUIRES(tls_crew_guard) UNCHECKED
{
	mutex_lock(&crew->mutex);
}

static void leave(struct tls_crew *crew) RELEASES(tls_crew_guard) UNCHECKED
{
	mutex_unlock(&crew->mutex);
}

static struct step *next_step(struct tls_crew *crew) REQUIRES(tls_crew_guard) UNCHECKED
{
	while (crew->first == NULL && !crew->is_over)
		condition_wait_until(&crew->asked, &crew->mutex, FOREVER_US);
	struct step *step = crew->first;
	if (step != NULL)
		crew->first = step->next;
	if (crew->first == NULL)
		crew->last = &crew->first;
	return step;
}

static void *serve(void *argument)
{
	struct tls_crew *crew = argument;
	struct step *step;
	enter(crew);
	while ((step = next_step(crew)) != NULL) {
		leave(crew);
		int result = step->work(step->argument);
		enter(crew);
		step->result = result;
		step->is_done = true;
		condition_signal(&step->done);
	}
	leave(crew);
	return NULL;
}

/* One thread is enough, though slower. */
static int start_threads(struct tls_crew *crew)
{
	size_t wanted = (size_t)get_nprocs();
	int error = 0;
	wanted = wanted < CREW_MOST ? wanted : CREW_MOST;
	while (crew->count < wanted && error == 0) {
		error = thread_start(&crew->threads[crew->count], serve, crew);
		crew->count += error == 0;
	}
	return crew->count > 0 ? 0 : error;
}

struct tls_crew *tls_crew_start(int *error) UNCHECKED
{
	struct tls_crew *crew = calloc(1, sizeof *crew);
	if (crew == NULL) {
		*error = ENOMEM;
		return NULL;
	}
	mutex_init(&crew->mutex);
	condition_init(&crew->asked);
	crew->last = &crew->first;
	*error = start_threads(crew);
	if (*error != 0) {
		tls_crew_stop(crew);
		return NULL;
	}
	return crew;
}

void tls_crew_stop(struct tls_crew *crew)
{
	if (crew == NULL)
		return;
	enter(crew);
	crew->is_over = true;
	condition_broadcast(&crew->asked);
	leave(crew);
	for (size_t i = 0; i < crew->count; i++)
		thread_join(crew->threads[i]);
	condition_fini(&crew->asked);
	mutex_fini(&crew->mutex);
	free(crew);
}

int tls_crew_do(struct tls_crew *crew, int (*work)(void *), void *argument) UNCHECKED
{
	struct step step = {.work = work, .argument = argument};
	condition_init(&step.done);
	enter(crew);
	*crew->last = &step;
	/* cppcheck-suppress autoVariables; the step is taken out before this returns */
	crew->last = &step.next;
	condition_signal(&crew->asked);
	while (!step.is_done)
		condition_wait_until(&step.done, &crew->mutex, FOREVER_US);
	leave(crew);
	condition_fini(&step.done);
	return step.result;
}
