/* Wrong on purpose: reads a guarded member without its lock. `make lint` fails unless clang complains about this file.
 */
#include "base/sync.h"

extern struct mutex canary_guard;

struct canary {
	int sings GUARDED_BY(canary_guard);
};

int canary_listen(const struct canary *canary);

int canary_listen(const struct canary *canary)
{
	return canary->sings;
}
