/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says of this process. */
#ifndef XDPLBD_PROCESS_H
#define XDPLBD_PROCESS_H

struct process {
	double cpu; /* seconds */
	double began; /* since 1970 */
	unsigned long long memory; /* bytes that are resident */
	unsigned int descriptors, descriptors_max;
};

/* This process begins. */
void process_begin(void);

/* What cannot be read is 0. */
void process_read(struct process *process);

#endif
