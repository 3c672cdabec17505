/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings of the kernel's that are one figure, below /proc/sys/net. */
#ifndef XDPLB_SYSCTL_H
#define XDPLB_SYSCTL_H

/* What the file says, '\0' where it cannot be read. */
char sysctl_read(const char *path);

/* 0, or the errno. */
int sysctl_write(const char *path, char value);

/* Of one interface: /proc/sys/net/FAMILY/conf/INTERFACE/NAME. */
char sysctl_interface(const char *family, const char *interface, const char *name);

#endif
