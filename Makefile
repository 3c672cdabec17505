# SPDX-License-Identifier: GPL-2.0-only
# make; make install [DESTDIR=] [PREFIX=] [LIBDIR=]; V=1 shows every command.

.DEFAULT_GOAL := all

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
INCLUDEDIR ?= $(PREFIX)/include
VERSION := 0.1.0

CC ?= gcc
CLANG ?= clang
CFLAGS ?= -O2 -g
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

SOURCES := $(wildcard loader/*.c)
OBJECTS := $(SOURCES:.c=.o)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

WARNINGS := -Wall -Wextra -Werror
BPF_CFLAGS := -O2 -g -fno-strict-aliasing $(WARNINGS) -target bpf -mcpu=v3 -I/usr/include/$(MULTIARCH)

include lib/defines.mk

LOADER_CFLAGS := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -DXDPLB_VERSION='"$(VERSION)"' \
	-DXDPLB_OBJECT='"$(LIBDIR)/bpf/xdplb.o"' $(LIB_CFLAGS)

all: xdp/xdplb.o loader/xdplb-config

xdp/xdplb.o: xdp/xdplb.c $(wildcard xdp/*.h) | needed
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(LIBXDP_CFLAGS) -c $< -o $@

loader/xdplb-config: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) -lm

loader/%.o: loader/%.c $(wildcard loader/*.h) $(wildcard xdp/*.h) client/xdplb-register.h | needed
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) $(LOADER_CFLAGS) -c $< -o $@

install: all
	install -D -m 644 xdp/xdplb.o $(DESTDIR)$(LIBDIR)/bpf/xdplb.o
	install -D -m 755 loader/xdplb-config $(DESTDIR)$(SBINDIR)/xdplb-config
	install -D -m 644 man/xdplb.8 $(DESTDIR)$(MANDIR)/man8/xdplb.8
	install -D -m 644 man/xdplb-config.8 $(DESTDIR)$(MANDIR)/man8/xdplb-config.8
	install -D -m 644 man/xdplb-register.7 $(DESTDIR)$(MANDIR)/man7/xdplb-register.7
	install -D -m 644 client/xdplb-register.h $(DESTDIR)$(INCLUDEDIR)/xdplb-register.h

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/bpf/xdplb.o $(DESTDIR)$(SBINDIR)/xdplb-config
	rm -f $(DESTDIR)$(MANDIR)/man8/xdplb.8 $(DESTDIR)$(MANDIR)/man8/xdplb-config.8
	rm -f $(DESTDIR)$(MANDIR)/man7/xdplb-register.7 $(DESTDIR)$(INCLUDEDIR)/xdplb-register.h

check: all
	testing/run

clean:
	rm -f xdp/*.o loader/*.o loader/xdplb-config
	$(MAKE) -C testing clean

.PHONY: all install uninstall check clean needed
