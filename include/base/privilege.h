/*
 * Whom the process runs as. kithd needs no privilege: started as root it becomes a user for good, with that user's
 * groups and without a capability. Called before there are threads.
 */
#ifndef KITH_PRIVILEGE_H
#define KITH_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/problem.h"

enum { PRIVILEGE_USER_BYTES = 65 };

bool privilege_is_root(void);

/* The name of a user, or of a group; its number where it has no name. May block on the databases of both. */
void privilege_name_user(uid_t uid, char out[static PRIVILEGE_USER_BYTES]);
void privilege_name_group(gid_t gid, char out[static PRIVILEGE_USER_BYTES]);
/* The name of the user that this process runs as. */
void privilege_user_name(char out[static PRIVILEGE_USER_BYTES]);

/* What the databases of users and groups say of a name; false where they don't have it. May block on them. */
bool privilege_find_user(const char *user, uid_t *uid, gid_t *gid);
bool privilege_find_group(const char *group, gid_t *gid);

/* Whether privilege_settle could succeed for that user; "" is good for everybody. Changes nothing. */
bool privilege_check_user(const char *user, struct problem *problem);

/* Is this a group, or the user, that this process has now, or has after privilege_settle for that user? */
bool privilege_has_group(const char *user, gid_t group);
bool privilege_is_user(const char *user, uid_t uid);

/*
 * Becomes that user, unless it is "" or this process runs as that user already. Whoever it is then: nothing that it
 * executes can have more privileges than it has. After false the process may be half-way, and must end.
 */
bool privilege_settle(const char *user, struct problem *problem);

/*
 * From now on no core file is written of this process, and no other one of the same user can look into its memory.
 * Becoming another user undoes it.
 */
void privilege_hide_memory(void);

#endif
