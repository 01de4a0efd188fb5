/* chiso.c - the operator's tool: finds the subcommand and hands over. */
#include "base/error.h"
#include "commands.h"
#include "log/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "NAME\n"
    "    chiso - looks after a chiso installation\n"
    "\n"
    "SYNOPSIS\n"
    "    chiso lint [--catalogs DIR] [FILE|FOLDER...]\n"
    "    chiso evaluate --index ID [--json] [--catalogs DIR] < LINES\n"
    "    chiso explain --index ID [--catalogs DIR] CODE [INPUTS]\n"
    "    chiso diff [--catalogs DIR] OLD NEW\n"
    "    chiso verify [--ingest DIR] [--scorer DIR] [--publisher DIR] [--index FILE]...\n"
    "    chiso journal --data DIR [--from N] [--count N] [--trace ID]\n"
    "    chiso quarantine list --ingest DIR\n"
    "    chiso quarantine show --ingest DIR N\n"
    "    chiso quarantine rulings --ingest DIR\n"
    "    chiso quarantine release --api URL --token-file FILE N\n"
    "    chiso quarantine drop --api URL --token-file FILE --reason TEXT N\n"
    "    chiso replay --api URL --token-file FILE --source NAME [--from DAY] [--apply]\n"
    "    chiso backfill --api URL --token-file FILE --source NAME --from PERIOD --to PERIOD\n"
    "        [--units CODE,CODE] [--no-wait]\n"
    "    chiso backfill list --api URL --token-file FILE\n"
    "    chiso backfill show|wait|cancel --api URL --token-file FILE N\n"
    "    chiso dead list --publisher DIR\n"
    "    chiso dead show --publisher DIR TARGET KEY\n"
    "    chiso source test --config FILE NAME\n"
    "    chiso coverage [--catalogs DIR] [--sources DIR]... [--indicators]\n"
    "    chiso target status --publisher DIR [TARGET]\n"
    "    chiso target test|retry|resync --publisher DIR TARGET\n"
    "    chiso import --api URL --token-file FILE [--dry-run] [--atomic] ROWS\n"
    "    chiso withdraw --api URL --token-file FILE --unit CODE --period PERIOD --figure ID "
    "--reason TEXT\n"
    "    chiso token new --role ROLE [--unit CODE]... [--id ID]\n"
    "    chiso status|top [--config FILE]... [--ingest URL] [--scorer URL] [--publisher URL]\n"
    "    chiso backup [--publisher DIR] [--scorer DIR] [--ingest DIR] --to NEW\n"
    "    chiso backup verify BACKUP\n"
    "    chiso restore --from BACKUP [--continue] [--publisher DIR] [--scorer DIR] [--ingest DIR]\n"
    "    chiso compact DIR...\n"
    "    chiso store export --ingest|--scorer|--publisher DIR > FILE\n"
    "    chiso store import --ingest|--scorer|--publisher DIR < FILE\n"
    "    chiso keygen --out DIR NAME\n"
    "    chiso --help | --version\n"
    "\n"
    "DESCRIPTION\n"
    "    lint        checks catalogs: sums and counts against those that the document states, "
    "bands,\n"
    "                options, inputs, codes, figures. ERROR makes the exit code 1; DOCUMENT tells\n"
    "                where the official text contradicts itself; NOTE is for the reader. A FOLDER "
    "is a\n"
    "                unit registry; without arguments all catalogs are checked and units/ beside "
    "them.\n"
    "    evaluate    reads a JSON object a line, "
    "{\"unit\":…,\"inputs\":{CODE:{…}},\"excluded\":[…]}, and\n"
    "                writes the points, statuses, totals and ranks of each, one a line, in order. "
    "All\n"
    "                lines are the units of one assessment. See docs/evaluate.md.\n"
    "    explain     shows the rule of an indicator as a formula, its official text and notes; "
    "with\n"
    "                INPUTS ({\"a\":\"…\"}) works it out step by step.\n"
    "    diff        shows what changed from one catalog to another.\n"
    "    verify      checks the journals' checksums and hash chains; scores everything again from\n"
    "                ingest's figures and compares with the scorer's results and ranks; compares "
    "the\n"
    "                publisher's read model with the scorer's results. Give the folders of the\n"
    "                services to be checked, and --index for each catalog of the scorer.\n"
    "    journal     prints a service's journal, one JSON object a line.\n"
    "    quarantine  lists what ingest did not take, with the reason; shows one with its bytes. "
    "release\n"
    "                takes one after all, read by the description of today, with the time it was\n"
    "                fetched at; drop removes one, and it is not told again; rulings lists both.\n"
    "    replay      has ingest read the answers in its archive again by the description of "
    "today:\n"
    "                tells which figures would differ, with --apply takes them.\n"
    "                URL is ingest's http address, FILE holds an operator's token (mode 0600).\n"
    "    backfill    has ingest ask a source for past periods (2024-01 to 2024-12, 2023 to 2024), "
    "once,\n"
    "                beside its other work and as gently; shows how far it is until the end. "
    "Ending\n"
    "                the command ends nothing: the same again joins it, cancel ends it. Exit 1 "
    "when "
    "a\n"
    "                series failed.\n"
    "    dead        lists what portals refused for good; shows one with its bytes.\n"
    "    source test asks a source of ingest's configuration once, for each of its series, and "
    "shows\n"
    "                what ingest would take and what it would quarantine, and whether its months "
    "add\n"
    "                up. Nothing is stored or sent on.\n"
    "    coverage    how many indicators and points of each index the sources described in DIR\n"
    "                (sources/) can feed by machine alone, and which source feeds what;\n"
    "                --indicators lists their figures.\n"
    "    target      asks the running publisher: status tells how far each target is; test tries\n"
    "                address and credentials without effect and shows what would be sent; retry\n"
    "                sends the dead letters again; resync tells everything again.\n"
    "    import      hands the rows of a .csv or .json file in at ingest's HTTP server and says "
    "what became\n"
    "                of each; exit 1 when one was rejected. See docs/submit.md.\n"
    "    withdraw    takes back a figure that the token's unit handed in: it is missing again, and "
    "its\n"
    "                history stays.\n"
    "    token new   prints a token for ingest's HTTP server, once, and the lines for the token "
    "file.\n"
    "                ROLE is submitter (--unit: its own units), scorer (--unit: a province), "
    "operator\n"
    "                or reader; see docs/submit.md.\n"
    "    status      the whole system on one screen, from the /metrics of the services given, by "
    "the\n"
    "                services' configurations or as http://ADDRESS:PORT of their `observe`; exit "
    "code 1\n"
    "                when one is not ready. top shows it again every 2 s until q or Ctrl-C.\n"
    "    backup      copies the stores of the services given, which may be running, and ingest's "
    "raw\n"
    "                bodies into the new folder NEW, with a manifest and SHA256SUMS. It is NEW.\n"
    "                unfinished until all of it is on the disk. verify reads a backup and names "
    "each\n"
    "                file that is damaged or missing.\n"
    "    restore     checks a backup and puts the services given into their data folders, which "
    "must\n"
    "                be missing or empty. The journals get new epochs and, with scorer and\n"
    "                publisher, each target is told everything again: the lost time may have told "
    "it\n"
    "                something else. Not "
    "with\n"
    "                --continue, for a backup that was made of all three, stopped, and never "
    "started\n"
    "                again.\n"
    "    compact     gives a stopped service's free pages back to the disk; DIR is its data "
    "folder.\n"
    "    store       export writes everything in a store as JSON, a line for each entry, journal "
    "and\n"
    "                all tables; import makes the same store of it in DIR, which must be missing "
    "or\n"
    "                empty, and checks the journal's hash chain. Raw bodies are files and not in "
    "it.\n"
    "    keygen      makes a CURVE key pair: DIR/NAME.key (public) and DIR/NAME.key_secret.\n"
    "\n"
    "    DIR is a service's data_dir. Where nothing else is said stores are\n"
    "    only read, so the services may be running.\n"
    "\n"
    "EXIT STATUS\n"
    "    0  all is well             3  a catalog is wrong\n"
    "    1  something was found     4  a store cannot be read\n"
    "    2  wrong options           5  anything else\n";

/* Half a result on a full disk must not look like a whole one. */
static int written(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return code;
    }
    fprintf(stderr, "chiso: what is printed cannot be written: %s\n", strerror(errno));
    return code == CHISO_EXIT_OK ? CHISO_EXIT_FAILURE : code;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"lint", command_lint},
        {"evaluate", command_evaluate},
        {"explain", command_explain},
        {"diff", command_diff},
        {"verify", command_verify},
        {"journal", command_journal},
        {"quarantine", command_quarantine},
        {"replay", command_replay},
        {"backfill", command_backfill},
        {"dead", command_dead},
        {"source", command_source},
        {"coverage", command_coverage},
        {"target", command_target},
        {"import", command_import},
        {"withdraw", command_withdraw},
        {"token", command_token},
        {"status", command_status},
        {"top", command_top},
        {"backup", command_backup},
        {"restore", command_restore},
        {"compact", command_compact},
        {"store", command_store},
        {"keygen", command_keygen},
    };
    log_init("cli", LOG_AT_WARN);
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        fputs(help, stdout);
        return CHISO_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("chiso %s\n", CHISO_VERSION);
        return CHISO_EXIT_OK;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CHISO_EXIT_OK;
        }
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return written(commands[i].run(argc - 1, argv + 1));
        }
    }
    fprintf(stderr, "chiso: '%s' is not a command; try 'chiso --help'\n", name);
    return CHISO_EXIT_USAGE;
}
