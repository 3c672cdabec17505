// SPDX-License-Identifier: GPL-2.0-only
#include "screen.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "rate_table.h"

#define STEP_MS 1000
#define RETRY_MS 100 /* while somebody makes a change */
#define ESCAPE_MS 25 /* for the rest of a key's sequence */
#define LINES_FOR_ALL 8 /* with fewer, some of the head are left out */
#define LINES_FOR_FOOT 4

struct screen {
	struct sampler *sampler;
	SCREEN *terminal;
	bool utf8;
	int signals; /* a descriptor */
	__u32 first; /* row at the top */
	__u32 room; /* rows that there is room for */
	bool over;
};

/* ---- what is on it -------------------------------------------------------------------- */

static void put_line(int y, attr_t how, const char *text)
{
	attrset(how);
	if (how & A_REVERSE)
		mvhline(y, 0, ' ', COLS);
	mvaddnstr(y, 0, text, -1);
	attrset(A_NORMAL);
}

static void draw_title(const struct screen *screen)
{
	const struct sampler *sampler = screen->sampler;
	char clock[16], line[TABLE_LINE];
	struct tm local;

	localtime_r(&sampler->time.tv_sec, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	if (*sampler->message)
		snprintf(line, sizeof(line), "%.*s", COLS, sampler->message);
	else
		table_title(COLS, clock, &sampler->sample, line);
	put_line(0, A_REVERSE, line);
}

/* The lines above the rows; how many. */
static int draw_head(const struct screen *screen, const struct table_shape *shape)
{
	const struct sample *sample = &screen->sampler->sample;
	char line[TABLE_LINE];
	int y = 1;

	if (LINES < LINES_FOR_FOOT)
		return 0;
	draw_title(screen);
	if (screen->sampler->stale)
		return y;
	if (LINES >= LINES_FOR_ALL) {
		put_line(y++, A_NORMAL, table_verdicts(COLS, sample, line));
		put_line(y++, A_NORMAL, table_drops(COLS, sample, line));
	}
	put_line(y++, A_UNDERLINE, table_head(shape, line));
	return y;
}

static void draw_row(const struct screen *screen, const struct table_shape *shape, int y, __u32 row)
{
	const struct sample *sample = &screen->sampler->sample;
	struct table_place place = table_place(sample, row);
	char line[TABLE_LINE], name[TABLE_NAME];
	__u32 i = place.service, j = place.backend;

	table_name(sample, &place, name);
	if (place.is_service)
		table_row(shape, name, &sample->service[i], sample->counts.service[i].counts.active,
			  &sample->history[i], screen->utf8, line);
	else
		table_row(shape, name, &sample->backend[j], sample->counts.backend[j].counts.active,
			  NULL, screen->utf8, line);
	put_line(y, place.is_service ? A_BOLD : A_NORMAL, line);
}

static void screen_draw(struct screen *screen)
{
	const struct sample *sample = &screen->sampler->sample;
	struct table_shape shape = table_shape(COLS, table_longest(sample));
	__u32 rows = screen->sampler->stale ? 0 : table_rows(sample);
	int foot = LINES >= LINES_FOR_FOOT, y;
	char line[TABLE_LINE];

	erase();
	y = draw_head(screen, &shape);
	screen->room = LINES - y - foot;
	if (screen->first + screen->room > rows)
		screen->first = rows > screen->room ? rows - screen->room : 0;
	for (__u32 i = 0; i < screen->room && screen->first + i < rows; i++)
		draw_row(screen, &shape, y + i, screen->first + i);
	if (foot)
		put_line(LINES - 1, A_NORMAL,
			 table_foot(COLS, screen->first, screen->room, rows, line));
	refresh();
}

/* ---- what is done to it --------------------------------------------------------------- */

/* Rows above the first are none; below the last, drawing takes it back. */
static void screen_move(struct screen *screen, long rows)
{
	long first = screen->first + rows;

	screen->first = first < 0 ? 0 : first;
}

static void key_take(struct screen *screen, int key)
{
	__u32 rows = table_rows(&screen->sampler->sample);

	switch (key) {
	case 'q':
	case 'Q':
		screen->over = true;
		break;
	case KEY_UP:
	case 'k':
		screen_move(screen, -1);
		break;
	case KEY_DOWN:
	case 'j':
		screen_move(screen, 1);
		break;
	case KEY_PPAGE:
		screen_move(screen, -(long)screen->room);
		break;
	case KEY_NPAGE:
	case ' ':
		screen_move(screen, screen->room);
		break;
	case KEY_HOME:
		screen->first = 0;
		break;
	case KEY_END:
		screen->first = rows;
		break;
	case 'L' - '@': /* Ctrl-L */
		clearok(curscr, TRUE);
		break;
	}
}

static void screen_resize(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

static void signal_take(struct screen *screen)
{
	struct signalfd_siginfo info;

	if (read(screen->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		screen_resize();
	else
		screen->over = true;
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for keys and signals until the next look is due. */
static void screen_wait(struct screen *screen, long due)
{
	struct pollfd wait[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = screen->signals, .events = POLLIN } };
	long left;
	int key;

	while (!screen->over && (left = due - milliseconds()) > 0) {
		if (poll(wait, 2, left) <= 0)
			continue;
		if (wait[1].revents)
			signal_take(screen);
		if (wait[0].revents & ~POLLIN) /* the terminal is gone */
			screen->over = true;
		while (!screen->over && wait[0].revents && (key = getch()) != ERR)
			key_take(screen, key);
		if (!screen->over)
			screen_draw(screen);
	}
}

/* ---- beginning and end ---------------------------------------------------------------- */

/* SIGHUP ends it but for nohup, who ignores that. */
static int signals_open(void)
{
	struct sigaction now;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGWINCH);
	if (!sigaction(SIGHUP, NULL, &now) && now.sa_handler != SIG_IGN)
		sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int screen_open(struct screen *screen)
{
	screen->signals = signals_open();
	if (screen->signals < 0)
		return fail(errno, "cannot wait for signals: %s", strerror(errno));
	setlocale(LC_CTYPE, "");
	screen->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen->terminal = newterm(NULL, stdout, stdin);
	if (!screen->terminal)
		return fail(ENOTTY, "ncurses does not know this terminal");
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	return 0;
}

static void screen_close(struct screen *screen)
{
	if (screen->terminal) {
		endwin();
		delscreen(screen->terminal);
	}
	if (screen->signals >= 0)
		close(screen->signals);
}

int screen_run(struct sampler *sampler)
{
	struct screen screen = { .sampler = sampler };
	int err = screen_open(&screen);
	long due = milliseconds();

	/* Keys and signals are not to wait for somebody who makes a change. */
	sampler->options->choice.at_once = true;
	while (!err && !screen.over) {
		long now = milliseconds();

		screen_draw(&screen);
		due += STEP_MS;
		if (due < now) /* it was stopped */
			due = now + STEP_MS;
		screen_wait(&screen, due);
		while (!screen.over && sampler_look(sampler) == -EBUSY) {
			screen_draw(&screen);
			screen_wait(&screen, milliseconds() + RETRY_MS);
		}
	}
	screen_close(&screen);
	return err;
}
