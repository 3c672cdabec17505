# SPDX-License-Identifier: GPL-2.0-only
# make; make install [DESTDIR=] [PREFIX=] [LIBDIR=]; make deb; V=1 shows every command.

.DEFAULT_GOAL := all

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
VERSION := 0.1.0

CC ?= gcc
CLANG ?= clang
CFLAGS ?= -O2 -g
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

# xdplb-config is main.c and its commands, xdplbd what lies in daemon/; all else is for both.
objects = $(patsubst %.c,%.o,$(1))
COMMANDS := $(call objects,loader/main.c $(wildcard loader/cmd_*.c))
DAEMON := $(call objects,$(wildcard loader/daemon/*.c))
SHARED := $(filter-out $(COMMANDS),$(call objects,$(wildcard loader/*.c)))
HEADERS := $(wildcard loader/*.h loader/daemon/*.h xdp/*.h) client/xdplb-register.h
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

WARNINGS := -Wall -Wextra -Werror
# The same object wherever it is built.
BPF_CFLAGS := -O2 -g -fno-strict-aliasing $(WARNINGS) -target bpf -mcpu=v3 -I/usr/include/$(MULTIARCH) \
	-ffile-prefix-map=$(CURDIR)=.

include lib/defines.mk

LOADER_CFLAGS := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -DXDPLB_VERSION='"$(VERSION)"' \
	-DXDPLB_OBJECT='"$(LIBDIR)/bpf/xdplb.o"' -DXDPLB_PROBE='"$(LIBDIR)/bpf/xdplb-probe.o"' $(LIB_CFLAGS)

all: xdp/xdplb.o xdp/probe.o loader/xdplb-config loader/xdplbd

xdp/%.o: xdp/%.c $(wildcard xdp/*.h) | needed
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(LIBXDP_CFLAGS) -c $< -o $@

loader/xdplb-config: $(COMMANDS) loader/shared.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) $(COMMAND_LIBS) -lm

loader/xdplbd: $(DAEMON) loader/shared.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) $(DAEMON_LIBS) -lm

# Of an archive a program takes what it needs.
loader/shared.a: $(SHARED)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

loader/daemon/%.o: LOADER_CFLAGS += $(DAEMON_CFLAGS)

loader/%.o: loader/%.c $(HEADERS) | needed
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LOADER_CFLAGS) -c $< -o $@

include packaging/install.mk

check: all
	testing/run

clean:
	rm -f xdp/*.o loader/*.o loader/*.a loader/daemon/*.o loader/xdplb-config loader/xdplbd
	rm -rf build
	$(MAKE) -C testing clean

.PHONY: all check clean needed
