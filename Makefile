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

SOURCES := $(wildcard loader/*.c)
OBJECTS := $(SOURCES:.c=.o)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

WARNINGS := -Wall -Wextra -Werror
# The same object wherever it is built.
BPF_CFLAGS := -O2 -g -fno-strict-aliasing $(WARNINGS) -target bpf -mcpu=v3 -I/usr/include/$(MULTIARCH) \
	-ffile-prefix-map=$(CURDIR)=.

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
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LOADER_CFLAGS) -c $< -o $@

include packaging/install.mk

check: all
	testing/run

clean:
	rm -f xdp/*.o loader/*.o loader/xdplb-config
	rm -rf build
	$(MAKE) -C testing clean

.PHONY: all check clean needed
