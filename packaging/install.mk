# SPDX-License-Identifier: GPL-2.0-only
# make install, uninstall, deb. What names places is installed with the real ones in it: manual
# pages have the default's, other files @SBINDIR@ and @LIBEXECDIR@.

SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/xdplb
MANDIR ?= $(PREFIX)/share/man
INCLUDEDIR ?= $(PREFIX)/include
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions

PAGES := $(notdir $(wildcard man/*.[1-9]))
page = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(1)
UNITS := xdplb@.service xdplb@lo.service xdplbd.service
INSTALLED = $(LIBDIR)/bpf/xdplb.o $(LIBDIR)/bpf/xdplb-probe.o $(SBINDIR)/xdplb-config $(SBINDIR)/xdplbd $(INCLUDEDIR)/xdplb-register.h \
	$(LIBEXECDIR)/complete $(BASHDIR)/xdplb-config $(ZSHDIR)/_xdplb-config $(UNITS:%=$(UNITDIR)/%)

places := sed -e 's|/usr/local/lib/bpf|$(LIBDIR)/bpf|g' -e 's|@SBINDIR@|$(SBINDIR)|g' \
	-e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g'
# $(call install_text,FILE,PLACE[,more for sed])
install_text = install -d $(dir $(2)) && $(places) $(3) $(1) >$(2) && chmod 644 $(2)

install: all
	install -D -m 644 xdp/xdplb.o $(DESTDIR)$(LIBDIR)/bpf/xdplb.o
	install -D -m 644 xdp/probe.o $(DESTDIR)$(LIBDIR)/bpf/xdplb-probe.o
	install -D -m 755 loader/xdplb-config $(DESTDIR)$(SBINDIR)/xdplb-config
	install -D -m 755 loader/xdplbd $(DESTDIR)$(SBINDIR)/xdplbd
	install -D -m 644 client/xdplb-register.h $(DESTDIR)$(INCLUDEDIR)/xdplb-register.h
	$(foreach file,$(PAGES),$(call install_text,man/$(file),$(call page,$(file))) &&) true
	install -D -m 755 packaging/completion/complete $(DESTDIR)$(LIBEXECDIR)/complete
	$(call install_text,packaging/completion/xdplb-config.bash,$(DESTDIR)$(BASHDIR)/xdplb-config)
	$(call install_text,packaging/completion/xdplb-config.zsh,$(DESTDIR)$(ZSHDIR)/_xdplb-config)
	$(call install_text,packaging/systemd/xdplb@.service,$(DESTDIR)$(UNITDIR)/xdplb@.service)
	$(call install_text,packaging/systemd/xdplbd.service,$(DESTDIR)$(UNITDIR)/xdplbd.service)
	@# lo has no device unit to wait for.
	$(call install_text,packaging/systemd/xdplb@.service,$(DESTDIR)$(UNITDIR)/xdplb@lo.service,-e '/^#.*lo has none/d; s/ sys-subsystem-net-devices-%i.device//; /sys-subsystem-net-devices/d')

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%) $(foreach file,$(PAGES),$(call page,$(file)))
	rmdir $(DESTDIR)$(LIBEXECDIR) 2>/dev/null || true

# Debian packages, in build/.
deb:
	packaging/build-deb $(VERSION)

.PHONY: install uninstall deb
