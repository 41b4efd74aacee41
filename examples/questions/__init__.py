"""What people ask of an estate, in GraphQL and in SPARQL, with the answers that the demo estate gives.

`questions.yaml` has the questions, `answers.yaml` their answers. `question` reads both, `asking` asks a service,
`page` makes docs/questions.md of them. `python -m examples.questions --help` says what there is to run.
"""
