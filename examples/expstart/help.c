/* The help texts of the sub-commands: what they are for and their options, a line or two each; the manual
 * page tells the rest. Called by args.c. */
#include "help.h"

#include <stddef.h>
#include <string.h>

static const char where[] =
    "\n"
    "Where:\n"
    "  -e, --endpoint URL      the API with its version, https://acme.absmartly.com/v1\n"
    "                          (else ABSMARTLY_API_ENDPOINT)\n"
    "      --api-key-file FILE the key is the first line of FILE (else ABSMARTLY_API_KEY)\n"
    "      --ca-file FILE      trust the certificates in this PEM file, not the system's\n";

static const char where_journal[] =
    "\n"
    "Where:\n"
    "  -e, --endpoint URL      the API (else ABSMARTLY_API_ENDPOINT, else the journal's)\n"
    "      --api-key-file FILE the key is the first line of FILE (else ABSMARTLY_API_KEY)\n"
    "      --ca-file FILE      trust the certificates in this PEM file, not the system's\n";

static const char how[] =
    "\n"
    "How:\n"
    "  -r, --rate N            at most N requests a second; a fraction is fine\n"
    "  -j, --in-flight N       at most N requests under way at once (32)\n"
    "      --deadline SECONDS  stop sending after this time\n";

static const char ask[] =
    "      --dry-run           check everything, say what would be done, send nothing\n"
    "  -y, --yes               do not ask first\n";

static const char see[] =
    "\n"
    "What to see:\n"
    "  -o, --output FILE       one result as JSON a line; - is standard output\n"
    "  -q, --quiet             errors only\n"
    "  -v, --verbose           each attempt\n";

static const char last[] = "  -h, --help              this text\n"
                           "      --version           the version\n";

static const char start_what[] =
    "Usage: expstart start [OPTION]... [ID]...\n"
    "Start ABsmartly experiments, as many as are given.\n"
    "\n"
    "What to start:\n"
    "  ID...                   experiment ids\n"
    "  -f, --file FILE         read ids from FILE, - is standard input: one id a line, CSV with\n"
    "                          a header (experiment_id or id, note), or NDJSON with these names\n"
    "  -n, --note NOTE         the note of every start that has none of its own in FILE\n"
    "      --journal FILE      keep a journal in FILE, which must be new; \"expstart resume "
    "FILE\"\n"
    "                          goes on after whatever stopped this run\n";

static const char start_codes[] =
    "\n"
    "Exit codes: 0 all are running, 1 some are not, 2 bad usage or input and nothing was sent,\n"
    "3 stopped early, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.\n";

static const char resume_what[] =
    "Usage: expstart resume [OPTION]... JOURNAL\n"
    "Go on where the run with this journal stopped. What was being sent when it died is looked up\n"
    "before it is sent again.\n"
    "\n"
    "What to start:\n"
    "      --retry LIST        those that ended as failed, unknown, rejected (any of them, with\n"
    "                          commas) are taken up again too\n"
    "      --change LIST       endpoint, key, note (any of them): may be other than the "
    "journal's,\n"
    "                          which has them from then on\n"
    "  -n, --note NOTE         the note of those that have none of their own; needs --change "
    "note\n";

static const char resume_codes[] =
    "\n"
    "Exit codes: as of start, for all of the journal: 0 all of it is running.\n";

static const char status_text[] =
    "Usage: expstart status [OPTION]... JOURNAL\n"
    "Tell what a journal knows, also while a run goes on: counts, rate, time left, errors.\n"
    "\n"
    "      --json              as one JSON object\n";

static const char status_codes[] =
    "\n"
    "Exit codes: 0 all are running, 1 some are not, 2 the journal cannot be read.\n";

static const char verify_what[] =
    "Usage: expstart verify [OPTION]... JOURNAL\n"
    "Read the state of every experiment back from the API and tell where the journal differs.\n"
    "Nothing is started and nothing changed.\n";

static const char verify_see[] =
    "\n"
    "What to see:\n"
    "  -o, --output FILE       what differs, one as JSON a line; - is standard output\n"
    "  -q, --quiet             errors only\n"
    "  -v, --verbose           each attempt\n";

static const char verify_change[] =
    "      --change LIST       endpoint, key (any of them): may be other than the journal's\n";

static const char verify_codes[] =
    "\n"
    "Exit codes: 0 they agree, 1 they differ, or some could not be read, 2 nothing was sent,\n"
    "3 stopped early, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.\n";

static const char export_text[] =
    "Usage: expstart export [OPTION]... JOURNAL\n"
    "Write what a journal knows of each experiment, in the order of the list. Also while a run "
    "goes\n"
    "on. The output can be the input of another run.\n"
    "\n"
    "      --format FORMAT     csv or ndjson (csv)\n"
    "      --status LIST       only those with these statuses (with commas): pending, sending,\n"
    "                          started, running, rejected, failed, unknown, canceled\n"
    "  -o, --output FILE       where to; - is standard output (-)\n";

static const char report_text[] =
    "Usage: expstart report [OPTION]... JOURNAL -o FILE\n"
    "Make a page for people of what a journal knows: progress, rate, throttles and outages,\n"
    "latency, errors. It is one file and needs no network.\n"
    "\n"
    "  -o, --output FILE       the page, report.html say; - is standard output\n";

static const char file_codes[] =
    "\n"
    "Exit codes: 0 written, 2 the journal cannot be read or the file not be written.\n";

static const struct help {
  const char *command;
  const char *parts[8];
} helps[] = {
    {"start", {start_what, where, how, ask, see, last, start_codes}},
    {"resume", {resume_what, where_journal, how, ask, see, last, resume_codes}},
    {"status", {status_text, last, status_codes}},
    {"verify", {verify_what, where_journal, verify_change, how, verify_see, last, verify_codes}},
    {"export", {export_text, last, file_codes}},
    {"report", {report_text, last, file_codes}},
};

void help_print(const char *command, FILE *out) {
  for (size_t i = 0; i < sizeof helps / sizeof helps[0]; i++) {
    if (strcmp(helps[i].command, command) != 0) {
      continue;
    }
    for (size_t part = 0; helps[i].parts[part] != NULL; part++) {
      (void)fputs(helps[i].parts[part], out);
    }
  }
}
