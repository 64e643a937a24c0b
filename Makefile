# Every command of the grader. `make help` lists them; README.md says more about each.
.DEFAULT_GOAL = help

# What a person may set, as in `make grade SUBMISSION="alice's zip.zip"`. The values go to the recipes through the
# environment, taken literally (a `$` stays one), so that no character in a file name means anything to make or to sh.
VARIABLES = FORMS SECRETS ONLY SHIP SUBMISSION SUBMISSIONS ROSTER CLUSTER ASSIGNMENT ASSIGNMENTS VARIANT SUBMITTED MANUAL OUT MIN_SANDBOX JOBS SOLUTIONS CLASS SECTIONS VENV
$(foreach name,$(VARIABLES),$(eval override $(name) := $$(value $(name))))
ifeq ($(VENV),)
override VENV := .venv
endif
export $(VARIABLES)

PYTHON = "$$VENV/bin/python"
GRADER = $(PYTHON) -m grader
# An option per variable, left out when the variable is empty.
ASSIGNMENT_ = $${ASSIGNMENT:+"--assignment=$$ASSIGNMENT"}
VARIANT_ = $${VARIANT:+"--variant=$$VARIANT"}
SUBMITTED_ = $${SUBMITTED:+"--submitted=$$SUBMITTED"}
MANUAL_ = $${MANUAL:+"--manual=$$MANUAL"}
OUT_ = $${OUT:+"--out=$$OUT"}
MIN_SANDBOX_ = $${MIN_SANDBOX:+"--min-sandbox=$$MIN_SANDBOX"}
JOBS_ = $${JOBS:+"--jobs=$$JOBS"}
CLASS_ = $${CLASS:+"--class=$$CLASS"}
FORMS_ = $${FORMS:+"--forms=$$FORMS"}
SECRETS_ = $${SECRETS:+"--secrets=$$SECRETS"}
ONLY_ = $${ONLY:+"--only=$$ONLY"}
SHIP_ = $${SHIP:+--ship}
SOLUTIONS_ = $${SOLUTIONS:+"--solutions=$$SOLUTIONS"}
ROSTER_ = $${ROSTER:+"--roster=$$ROSTER"}
CLUSTER_ = $${CLUSTER:+"--cluster=$$CLUSTER"}
SUBMISSIONS_ = $${SUBMISSIONS:+-- "$$SUBMISSIONS"}
SUBMISSION_ = $${SUBMISSION:+-- "$$SUBMISSION"}

.PHONY: grade grade-all report reference validate new release gradescope data examples test test-slow test-all check bench help clean setup ready

grade: ready  ## grade one zip: SUBMISSION=alice.zip [ASSIGNMENT= VARIANT= SUBMITTED= MANUAL= OUT= MIN_SANDBOX=]
	@$(GRADER) grade $(ASSIGNMENT_) $(VARIANT_) $(SUBMITTED_) $(MANUAL_) $(OUT_) $(MIN_SANDBOX_) $(SUBMISSION_)

grade-all: ready  ## grade a folder of zips, those that are new or changed: SUBMISSIONS=folder [ROSTER=roster.csv JOBS= CLUSTER= ASSIGNMENT= VARIANT= OUT=]
	@$(GRADER) grade-all $(ROSTER_) $(JOBS_) $(CLUSTER_) $(ASSIGNMENT_) $(VARIANT_) $(OUT_) $(MIN_SANDBOX_) $(SUBMISSIONS_)

report: ready  ## draw the reference report, or a graded submission's again: [SUBMISSION= MANUAL= OUT=]
	@$(GRADER) report $(ASSIGNMENT_) $(MANUAL_) $(OUT_) $(SUBMISSION_)

reference: ready  ## train the reference models, or find them in the cache: [ASSIGNMENT= SHIP=1]
	@$(GRADER) reference $(ASSIGNMENT_) $(SHIP_)

validate: ready  ## prove the checks against solutions, stubs, known mistakes, accepted ways, and what does no work: [ASSIGNMENT= SOLUTIONS= JOBS= FORMS=all SECRETS=2 ONLY=1a OUT=]
	@$(GRADER) validate $(ASSIGNMENT_) $(SOLUTIONS_) $(JOBS_) $(FORMS_) $(SECRETS_) $(ONLY_) $(OUT_)

new: ready  ## write a new assignment to start from: ASSIGNMENT=id [OUT=folder of your course, for ASSIGNMENTS=]
	@$(GRADER) new $(ASSIGNMENT_) $(OUT_)

release: ready  ## write the stubs and dist/<id>.zip for students from solutions/: [ASSIGNMENT=]
	@$(GRADER) release $(ASSIGNMENT_)

gradescope: ready  ## write dist/<id>-autograder.zip, which grades an assignment on Gradescope: [ASSIGNMENT= OUT=]
	@$(GRADER) gradescope $(ASSIGNMENT_) $(OUT_)

data: ready  ## fetch the data sets and the Places365 network, verifying checksums
	@$(GRADER) data

examples: ready  ## build examples/*.zip, the submissions to try the grader on, or a class of them: [CLASS=40 OUT=folder ASSIGNMENT= JOBS=]
	@$(GRADER) examples $(CLASS_) $(OUT_) $(ASSIGNMENT_) $(JOBS_)

# What only the tests need is installed by these: `ready` inherits the variable from whom it is made for.
test test-slow test-all check: DEVELOPER = --developer
PYTEST = $(PYTHON) -m pytest -n 2 --dist worksteal

test: ready  ## run the project's tests, those that take minutes apart
	@$(PYTEST) -m "not slow"

test-slow: ready  ## run the tests that take minutes: weaker walls, every mistake, whole trainings, the browser
	@$(PYTEST) -m slow

test-all: ready  ## run all tests
	@$(PYTEST)

check: ready  ## lint, types, then what make test runs, with coverage: before each commit
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTEST) -m "not slow" --cov

bench: ready  ## measure, beside other graders and the floor, and write benchmarks/results.md: [SECTIONS="checking report"]
	@$(PYTHON) -m benchmarks $$SECTIONS

setup:  ## install everything that the grader needs, or repair it: [VENV=.venv]
	@./setup.sh

ready:
	@./setup.sh --if-needed $(DEVELOPER)

clean:  ## remove what can be made again at once; out/ (with TAs' scores), data/ and .venv/ stay
	@rm -rf dist examples/*.zip .coverage .coverage.* htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'
