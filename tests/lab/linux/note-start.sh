#!/bin/sh
# Of the lab: counts the starts of the Docker daemon.
echo "$(date +%s) start" >>/mnt/lab/dockerd-starts.log
