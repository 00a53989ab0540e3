/*
 * A suspicion: what others say of a peer that has fallen silent, and whether that is enough to say that the node itself
 * is gone. A plain value driven by the times that are handed in; all are microseconds of one clock. The caller has seen
 * the silence of its own connection: that is never taken from others.
 *
 * A witness is another peer of ours that is, or was, connected with the suspect. Its word is a moment: since when it
 * has waited in vain for an answer, or when it heard something last. So what was said a second ago still counts, and a
 * witness that hears the suspect later says so (silence.c).
 *
 * What a liar can do: by saying "heard" it puts the verdict off, until ping_timeout decides. To speed it up takes
 * three, and even they need a suspect that this node has heard nothing of for half of silent_after.
 */
#ifndef KITH_SUSPICION_H
#define KITH_SUSPICION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/nodeid.h"

enum {
	SUSPICION_WITNESSES = 32, /* of which a suspicion remembers what they say */
	SUSPICION_QUESTIONS = 3,  /* asked in one round, as in SWIM's and Lifeguard's indirect probes */
	SUSPICION_ENOUGH = 2,	  /* witnesses of half the silence, where there are so many */
	SUSPICION_MANY = 3,	  /* witnesses of all of it, so that half is enough for this node */
};

/* From one round of questions to the next. */
#define SUSPICION_ROUND_US ((int64_t)1000 * 1000)
/* A witness whose word is older is asked again. */
#define SUSPICION_STALE_US ((int64_t)1900 * 1000)
/* A word that is older no longer counts: the witness may have heard the suspect, and be out of reach itself. */
#define SUSPICION_FRESH_US ((int64_t)3500 * 1000)
/* Who has not answered by then does not know the question. */
#define SUSPICION_ANSWER_US ((int64_t)2500 * 1000)

enum testimony {
	TESTIMONY_NONE,	    /* asked, and no answer yet */
	TESTIMONY_STRANGER, /* the suspect is no peer of it */
	TESTIMONY_UNHEARD,  /* it waits for an answer of the suspect since then */
	TESTIMONY_HEARD,    /* it has heard the suspect then */
};

struct witness {
	struct nodeid nodeid;
	enum testimony testimony;
	int64_t asked_us; /* last; 0 if it has come by itself */
	int64_t told_us;  /* last */
	int64_t then_us;  /* see testimony */
};

/* All zero is one without witnesses. */
struct suspicion {
	size_t count;
	int64_t heard_us; /* the last time that anybody says to have heard the suspect; 0 for never */
	int64_t asked_us; /* the last round of questions; 0 before the first */
	struct witness witnesses[SUSPICION_WITNESSES];
};

/* What a witness says; then_us is no later than now_us. One that there is no more room for is not heard. */
void suspicion_tell(struct suspicion *suspicion, const struct nodeid *witness, enum testimony testimony,
		    int64_t then_us, int64_t now_us);
/* It is asked now. */
void suspicion_ask(struct suspicion *suspicion, const struct nodeid *witness, int64_t now_us);
/* Was it asked, or has it said something? */
bool suspicion_knows(const struct suspicion *suspicion, const struct nodeid *witness);
/* How many can tell of the suspect, and have a word that is not stale. */
size_t suspicion_fresh(const struct suspicion *suspicion, int64_t now_us);
/* The next of those to ask again: a witness with a stale word, those of the longest silence first. NULL for none. */
const struct witness *suspicion_stale(const struct suspicion *suspicion, int64_t now_us);

/* What this node knows by itself. */
struct suspect {
	int64_t since_us;	 /* it owes an answer, and was not heard since then */
	int64_t silent_after_us; /* the setting */
	size_t others;		 /* READY peers of this node beside it */
};

/*
 * True if the node is gone: this node has heard nothing for silent_after, and SUSPICION_ENOUGH witnesses have not for
 * half of it, or all where fewer exist, and one at least; or SUSPICION_MANY witnesses have heard nothing for all of it,
 * and this node has not for half; and nobody has heard it since. *next_us is when to look again if nobody says anything
 * until then; FOREVER_US for never.
 *
 * Those who miss it late then go with those who have missed it first. If a node comes back after 3 s, no honest witness
 * has waited for 5 s, and two liars are not enough.
 */
bool suspicion_is_proven(const struct suspicion *suspicion, const struct suspect *suspect, int64_t now_us,
			 int64_t *next_us);

#endif
