# SPDX-License-Identifier: GPL-2.0-only
# What the build needs from outside, each named in one line when it is missing.
# libxdp is the system's; where it has none, or with LIBXDP=submodule, the one
# in lib/xdp-tools, built in place and linked in.

PKG_CONFIG ?= pkg-config
have = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes)
missing = $(error $(1) is missing: apt-get install $(2))

ifneq ($(MAKECMDGOALS),clean)
ifeq ($(shell command -v $(CC)),)
$(call missing,a C compiler,gcc)
endif
ifeq ($(shell command -v $(CLANG)),)
$(call missing,clang,clang)
endif
ifeq ($(shell command -v $(PKG_CONFIG)),)
$(call missing,pkg-config,pkgconf)
endif
ifneq ($(call have,libbpf),yes)
$(call missing,libbpf,libbpf-dev)
endif
ifneq ($(call have,json-c),yes)
$(call missing,json-c,libjson-c-dev)
endif
ifneq ($(call have,libmnl),yes)
$(call missing,libmnl,libmnl-dev)
endif
ifneq ($(call have,ncursesw),yes)
$(call missing,ncursesw,libncurses-dev)
endif
ifneq ($(call have,yaml-0.1),yes)
$(call missing,yaml-0.1,libyaml-dev)
endif
ifneq ($(call have,libsystemd),yes)
$(call missing,libsystemd,libsystemd-dev)
endif
ifneq ($(call have,libmicrohttpd),yes)
$(call missing,libmicrohttpd,libmicrohttpd-dev)
endif
ifneq ($(call have,libcurl),yes)
$(call missing,libcurl,libcurl4-openssl-dev)
endif
endif

XDP_TOOLS := lib/xdp-tools
SUBMODULE := $(wildcard $(XDP_TOOLS)/lib/libxdp/Makefile)
LIBXDP ?= $(if $(call have,libxdp),system,submodule)

ifeq ($(LIBXDP),system)
LIBXDP_CFLAGS := $(shell $(PKG_CONFIG) --cflags libxdp)
LIBXDP_LIBS := $(shell $(PKG_CONFIG) --libs libxdp)
needed:
else
ifeq ($(SUBMODULE),)
ifneq ($(MAKECMDGOALS),clean)
$(call missing,libxdp,libxdp-dev (or: git submodule update --init))
endif
endif
ifeq ($(shell command -v m4),)
$(call missing,m4,m4)
endif
LIBXDP_CFLAGS := -I$(XDP_TOOLS)/headers
LIBXDP_LIBS := $(XDP_TOOLS)/lib/libxdp/libxdp.a
needed: $(LIBXDP_LIBS)
$(LIBXDP_LIBS):
	$(call say,LIBXDP,$@)
	$(Q)lib/build-libxdp $(XDP_TOOLS)
endif

# What both programs need, and what one of them does.
LIB_CFLAGS := $(LIBXDP_CFLAGS) $(shell $(PKG_CONFIG) --cflags libbpf json-c libmnl ncursesw yaml-0.1)
LIB_LIBS := $(LIBXDP_LIBS) $(shell $(PKG_CONFIG) --libs libbpf json-c libmnl yaml-0.1)
COMMAND_LIBS := $(shell $(PKG_CONFIG) --libs ncursesw)
DAEMON_CFLAGS := $(shell $(PKG_CONFIG) --cflags libsystemd libcurl libmicrohttpd json-c)
DAEMON_LIBS := $(shell $(PKG_CONFIG) --libs libsystemd libcurl libmicrohttpd)
