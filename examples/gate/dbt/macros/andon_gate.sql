{#- For `on-run-start`. dbt's Jinja reaches no network, so who runs dbt asks first and hands the answer over:

        GATE="$(andon gate --json --job dbt/shop)" dbt build

    Without an answer, and with one that says stop, nothing is run. -#}
{%- macro andon_gate() -%}
  {%- if execute and flags.WHICH in ('run', 'build', 'seed', 'snapshot') -%}
    {%- set answer = fromjson(env_var('GATE', ''), none) -%}
    {%- if not answer -%}
      {{- exceptions.raise_compiler_error('Nobody asked Andon: GATE="$(andon gate --json --job NS/NAME)" dbt ' ~ flags.WHICH) -}}
    {%- endif -%}
    {%- for stop in answer.stops -%}
      {%- set told = stop.policy ~ ': ' ~ stop.cause ~ ' (since ' ~ stop.since ~ ', ' ~ stop.owner ~ ') via ' ~ stop.via | join(' > ') -%}
      {%- do exceptions.warn('Andon: ' ~ told) -%}
    {%- endfor -%}
    {%- if not answer.go -%}
      {{- exceptions.raise_compiler_error('Andon: somebody has stopped this (' ~ answer.policy ~ '), see the warnings') -}}
    {%- endif -%}
  {%- endif -%}
{%- endmacro -%}
