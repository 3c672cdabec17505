// SPDX-License-Identifier: GPL-2.0-only
#include "page.h"

#include <linux/bpf.h>
#include <math.h>
#include <string.h>

#include "../names.h"
#include "../rate_table.h"
#include "page_parts.h"
#include "status.h"

void page_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static const char *clock_text(const struct view *view, char text[32])
{
	struct tm local;

	localtime_r(&view->time.tv_sec, &local);
	strftime(text, 32, "%F %T", &local);
	return text;
}

/* ---- what is wrong -----------------------------------------------------------------------------
 */

struct tally {
	int wanted, healthy; /* backends of all services */
};

static struct tally tally_of(const struct view *view)
{
	struct tally tally = {};

	for (__u32 i = 0; view->found && i < view->sample->counts.services; i++) {
		if (!view->service[i])
			continue;
		tally.wanted += view_wanted(view->service[i]);
		tally.healthy += service_healthy(view->service[i]);
	}
	return tally;
}

/* Begins the list with its first item. */
static void trouble(FILE *out, bool *any)
{
	fputs(*any ? "</li><li>" : "<section class=\"trouble\"><ul><li>", out);
	*any = true;
}

static void print_service_trouble(FILE *out, const struct watched_service *service, bool *any)
{
	char text[ADDRESS_TEXT];
	int wanted = view_wanted(service), healthy = service_healthy(service);

	if (healthy == wanted && !service->suspect)
		return;
	trouble(out, any);
	page_text(out, service_text(&service->at, text));
	fprintf(out, ": %d of %d backends healthy", healthy, wanted);
	if (service->suspect)
		fputs(", so the last good ones are kept", out);
}

static void print_trouble(FILE *out, const struct view *view)
{
	bool any = false;

	if (!view->found) {
		trouble(out, &any);
		fputs("There is no balancer: xdplb-config load IFNAME attaches one", out);
	}
	if (view->daemon->rejected) {
		trouble(out, &any);
		page_text(out, view->daemon->file);
		fputs(" could not be put in force; what was before is. The journal says why", out);
	}
	for (__u32 i = 0; view->found && i < view->sample->counts.services; i++)
		if (view->service[i])
			print_service_trouble(out, view->service[i], &any);
	fputs(any ? "</li></ul></section>\n" : "", out);
}

/* ---- the whole balancer ------------------------------------------------------------------------
 */

static void print_number(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>", name, text);
}

static void print_rate(FILE *out, const char *name, bool known, double rate)
{
	char text[RATE_TEXT];

	print_number(out, name, rate_text(known, rate, text));
}

static double all_drops(const struct sample *sample)
{
	double drops = 0;

	for (int i = 0; i < XDPLB_DROPS; i++)
		drops += sample->reason[i];
	return drops;
}

static void print_totals(FILE *out, const struct view *view)
{
	const struct sample *sample = view->sample;
	const struct rates *total = &sample->total;
	const struct fill *fill = &sample->counts.fill;
	struct tally tally = tally_of(view);
	char text[64];

	fputs("<section><dl>", out);
	snprintf(text, sizeof(text), "%u", sample->counts.services);
	print_number(out, "services", text);
	snprintf(text, sizeof(text), "%d of %d", tally.healthy, tally.wanted);
	print_number(out, "healthy", text);
	print_rate(out, "packets/s", total->known, total->packets);
	print_rate(out, "bits/s", total->known, total->bits);
	print_rate(out, "new flows/s", total->known, total->new_flows);
	print_rate(out, "active flows", true, (double)sample->active);
	print_rate(out, "drops/s", sample->seconds > 0, all_drops(sample));
	snprintf(text, sizeof(text), "%.1f %%", fill->room ? 100.0 * fill->flows / fill->room : 0);
	print_number(out, "flow table", text);
	fputs("</dl></section>\n", out);
}

static void print_drops(FILE *out, const struct view *view)
{
	const struct sample *sample = view->sample;
	char text[RATE_TEXT];
	bool any = false;

	fputs("<section><div class=\"head\"><h2>Dropped</h2></div><table><thead><tr><th>reason</th>"
	      "<th>packets</th><th>a second</th></tr></thead><tbody>\n",
	      out);
	for (int i = 0; i < XDPLB_DROPS; i++) {
		if (!sample->counts.reason[i])
			continue;
		any = true;
		fprintf(out,
			"<tr><td>%s</td><td data-n=\"packets\">%llu</td><td data-n=\"/s\">%s</td>"
			"</tr>\n",
			reason_name(i), sample->counts.reason[i],
			rate_text(sample->seconds > 0, sample->reason[i], text));
	}
	fputs(any ? "" : "<tr><td class=\"dim\" colspan=\"3\">nothing</td></tr>\n", out);
	fputs("</tbody></table></section>\n", out);
}

static void print_cpus(FILE *out, const struct view *view)
{
	const struct all_counts *all = &view->sample->counts;
	double sum = 0;

	for (__u32 i = 0; i < all->cpus; i++)
		sum += (double)all->cpu[i];
	fputs("<section><div class=\"head\"><h2>Packets by CPU</h2></div><dl>", out);
	for (__u32 i = 0; i < all->cpus; i++)
		if (all->cpu[i])
			fprintf(out, "<div><dt>CPU %u</dt><dd>%.1f %%</dd></div>", i,
				100 * (double)all->cpu[i] / sum);
	fputs("</dl></section>\n", out);
}

/* ---- backends ----------------------------------------------------------------------------------
 */

static void print_age(FILE *out, double seconds)
{
	if (seconds < 120)
		fprintf(out, "%.0f s", seconds);
	else if (seconds < 7200)
		fprintf(out, "%.0f min", seconds / 60);
	else if (seconds < 172800)
		fprintf(out, "%.0f h", seconds / 3600);
	else
		fprintf(out, "%.0f days", seconds / 86400);
}

/* Why its state is what it is. */
static void print_state(FILE *out, const struct view *view, __u32 place)
{
	const struct watched_backend *backend = view->backend[place];
	__u8 state = view->sample->counts.backend[place].state;

	fprintf(out, "<td class=\"l %s\"><b>%s</b>", state_name(state), state_name(state));
	if (backend && own_state(&backend->place) != state)
		fprintf(out, " (wanted %s)", state_name(own_state(&backend->place)));
	else if (backend && backend->fallback)
		fputs(" (fallback)", out);
	if (backend && backend->unanswered)
		fputs(" <span class=\"down\">answers nobody</span>", out);
	fputs("</td>", out);
}

static void print_check(FILE *out, const struct view *view, const struct watched_backend *backend)
{
	const struct health *health = &backend->health;
	const struct check *check = &backend->check;

	fprintf(out, "<td class=\"l wide %s\" data-n=\"check\">%s %s", health->up ? "up" : "down",
		check_type_name(backend->options->type),
		check->verdict == CHECK_NONE	? "not yet" :
		check->verdict == CHECK_NOT_RUN ? "could not run" :
						  check_verdict_name(check->verdict));
	if (check->verdict != CHECK_NONE)
		fprintf(out, " in %.1f ms", check->took / 1e3);
	if (*check->reason) {
		fputs(": ", out);
		page_text(out, check->reason);
	}
	if (health->damped)
		fputs("; held out, it failed too often", out);
	if (health->since) {
		fprintf(out, " <span class=\"dim\">%s for ", health->up ? "well" : "failing");
		print_age(out, view->sample->counts.time - health->since / 1e6);
		fputs("</span>", out);
	}
	fputs("</td>", out);
}

static void print_cell(FILE *out, const char *name, bool known, double rate)
{
	char text[RATE_TEXT];

	fprintf(out, "<td data-n=\"%s\">%s</td>", name, rate_text(known, rate, text));
}

static void print_backend(FILE *out, const struct view *view, const struct service_counts *service,
			  __u32 place)
{
	const struct backend_counts *counts = &view->sample->counts.backend[place];
	const struct rates *rates = &view->sample->backend[place];
	const struct watched_backend *backend = view->backend[place];
	char text[ADDRESS_TEXT];

	fputs("<tr><td>", out);
	page_text(out, counts_backend_text(service, counts, text));
	fputs("</td>", out);
	print_state(out, view, place);
	fprintf(out, "<td data-n=\"weight\">%u", counts->weight);
	if (backend && own_weight(&backend->place) != counts->weight)
		fprintf(out, " of %u", own_weight(&backend->place));
	fputs("</td>", out);
	print_cell(out, "packets/s", rates->known, rates->packets);
	print_cell(out, "bits/s", rates->known, rates->bits);
	print_cell(out, "new/s", rates->known, rates->new_flows);
	fprintf(out, "<td data-n=\"active\">%llu</td><td data-n=\"packets\">%llu</td>",
		counts->counts.active, counts->counts.packets);
	if (backend && view_is_checked(backend))
		print_check(out, view, backend);
	else
		fputs("<td class=\"l wide dim\">not checked</td>", out);
	fputs("</tr>\n", out);
}

/* ---- services ----------------------------------------------------------------------------------
 */

/* Packets in each of the last 60 seconds, in proportion to the most; nothing where none is known.
 */
static void print_minute(FILE *out, const struct history *history)
{
	float most = 0;

	for (int i = 0; i < HISTORY; i++)
		if (history->packets[i] > most) /* false for one that is not known */
			most = history->packets[i];
	if (most <= 0)
		return;
	fputs("<svg viewBox=\"0 0 59 20\" preserveAspectRatio=\"none\" role=\"img\" "
	      "aria-label=\"packets a second in the last minute\"><polygon points=\"0,20",
	      out);
	for (int i = 0; i < HISTORY; i++)
		fprintf(out, " %d,%.1f", i,
			isnan(history->packets[i]) ? 20 : 20 - 19 * history->packets[i] / most);
	fputs(" 59,20\"/></svg>", out);
}

static void print_service_head(FILE *out, const struct view *view, __u32 place)
{
	const struct service_counts *counts = &view->sample->counts.service[place];
	const struct watched_service *service = view->service[place];
	const struct rates *rates = &view->sample->service[place];
	char text[ADDRESS_TEXT], packets[RATE_TEXT], bits[RATE_TEXT];

	fputs("<div class=\"head\"><h2>", out);
	page_text(out, service_text(&counts->at, text));
	fprintf(out, "</h2><span class=\"dim\">%s</span>", forward_name(counts->forward));
	if (service) {
		int wanted = view_wanted(service), healthy = service_healthy(service);

		fprintf(out, "<span class=\"%s\">%d of %d healthy</span>",
			healthy == wanted ? "up" : "down", healthy, wanted);
	} else {
		fputs("<span class=\"dim\">not in the file</span>", out);
	}
	fprintf(out, "<span>%s packets/s, %s bits/s, %llu active</span>",
		rate_text(rates->known, rates->packets, packets),
		rate_text(rates->known, rates->bits, bits), counts->counts.active);
	print_minute(out, &view->sample->history[place]);
	fputs("</div>\n", out);
}

static void print_service(FILE *out, const struct view *view, __u32 place)
{
	const struct service_counts *service = &view->sample->counts.service[place];

	fputs("<section>", out);
	print_service_head(out, view, place);
	fputs("<table><thead><tr><th>backend</th><th class=\"l\">state</th><th>weight</th>"
	      "<th>packets/s</th><th>bits/s</th><th>new/s</th><th>active</th>"
	      "<th>packets</th><th class=\"l wide\">check</th></tr></thead><tbody>\n",
	      out);
	for (__u32 i = 0; i < service->backends; i++)
		print_backend(out, view, service, service->first + i);
	fputs("</tbody></table></section>\n", out);
}

/* ---- the page ----------------------------------------------------------------------------------
 */

static void print_head(FILE *out, const struct view *view)
{
	struct tally tally = tally_of(view);

	fprintf(out,
		"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<title>%s%d of %d healthy: ",
		tally.healthy < tally.wanted || !view->found ? "! " : "", tally.healthy,
		tally.wanted);
	page_text(out, view->host);
	fprintf(out,
		"</title>\n<link rel=\"icon\" href=\"data:,\">\n"
		"<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n"
		"<style>\n%s</style></head>\n",
		page_style);
}

static void print_title(FILE *out, const struct view *view)
{
	char text[32];

	fputs("<header><h1>xdplb</h1><span>", out);
	page_text(out, view->host);
	fputs("</span><span class=\"dim\">", out);
	page_text(out, view->daemon->file);
	fprintf(out, "</span><span class=\"dim\" id=\"age\">%s</span></header>\n",
		view->found ? clock_text(view, text) : "");
}

void page_print(FILE *out, const struct view *view, const char *nonce)
{
	char text[32];

	print_head(out, view);
	fprintf(out, "<body><main data-time=\"%s\">\n", view->found ? clock_text(view, text) : "");
	print_title(out, view);
	print_trouble(out, view);
	if (view->found) {
		print_totals(out, view);
		for (__u32 i = 0; i < view->sample->counts.services; i++)
			print_service(out, view, i);
		print_drops(out, view);
		print_cpus(out, view);
	}
	fputs("<p class=\"dim\">xdplb " XDPLB_VERSION
	      "; <a href=\"/metrics\">metrics</a>, <a href=\"/status.json\">JSON</a></p>\n",
	      out);
	fprintf(out, "</main>\n<script nonce=\"%s\">%s</script></body></html>\n", nonce,
		page_script);
}
