/*
 * What the runs have found: figures by run and name, in the order in which they were found, and the curves, each a file
 * of columns. Nothing in them depends on the machine or the hour, so that two reports can be compared byte for byte.
 */
#ifndef KITH_SIM_REPORT_H
#define KITH_SIM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { REPORT_NAME_BYTES = 80 };

struct figure {
	char run[REPORT_NAME_BYTES];
	char name[REPORT_NAME_BYTES];
	double value; /* NAN for what never came */
	int decimals;
};

struct report {
	struct figure *figures;
	size_t count;
	const char *directory; /* of the curves; NULL for none */
};

void report_fini(struct report *report);
void report_add(struct report *report, const char *run, const char *name, double value, int decimals);
/* NAN where there is no such figure. */
double report_find(const struct report *report, const char *run, const char *name);
bool report_equals(const struct report *one, const struct report *other);
void report_print(const struct report *report, FILE *out);

/* RUN.dat, or RUN-NAME.dat; NULL where no curves are wanted. */
FILE *report_open_curve(const struct report *report, const char *run, const char *name);

#endif
