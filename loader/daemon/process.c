// SPDX-License-Identifier: GPL-2.0-only
#include "process.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../descriptors.h"

static double seconds_of(struct timeval time)
{
	return time.tv_sec + time.tv_usec / 1e6;
}

static unsigned long long memory_read(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static double began;

void process_begin(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	began = now.tv_sec + now.tv_nsec / 1e9;
}

void process_read(struct process *process)
{
	int descriptors = descriptors_count();
	struct rusage usage;
	struct rlimit limit;

	*process = (struct process){ .began = began,
				     .memory = memory_read(),
				     .descriptors = descriptors < 0 ? 0 : descriptors };
	if (!getrusage(RUSAGE_SELF, &usage))
		process->cpu = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		process->descriptors_max = limit.rlim_cur;
}
