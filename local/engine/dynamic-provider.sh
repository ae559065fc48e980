#!/bin/sh
# Serves a program's dynamic providers; installed beside our language host as pulumi-resource-pulumi-nodejs.
# It walks up by itself rather than asking node to resolve the package: a second node would double the start time.
folder=$PWD
serve=node_modules/@pulumi/pulumi/cmd/dynamic-provider/index.js
while [ ! -f "$folder/$serve" ]; do
  if [ "$folder" = / ] || [ -z "$folder" ]; then
    echo "$PWD has no @pulumi/pulumi: run npm ci there first" >&2
    exit 1
  fi
  folder=$(dirname "$folder")
done
exec node "$folder/$serve" "$@"
