{{/* Names, labels and the image. Pods are in _pod.tpl, what is refused in _refusals.tpl. */}}

{{- define "ingora.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ingora.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release and the chart; once when they are the same. */}}
{{- define "ingora.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $both := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $both .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What runs and serves the gateway. */}}
{{- define "ingora.controller" -}}
{{- list (include "ingora.fullname" .) .Values.controller.name | compact | join "-" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ingora.defaultBackend" -}}
{{- list (include "ingora.fullname" .) .Values.defaultBackend.name | compact | join "-" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ingora.serviceAccount" -}}
{{- default (.Values.serviceAccount.create | ternary (include "ingora.fullname" .) "default") .Values.serviceAccount.name }}
{{- end }}

{{- define "ingora.lease" -}}
{{- default (printf "%s-leader" (include "ingora.fullname" .)) .Values.controller.electionID }}
{{- end }}

{{- define "ingora.proxyHeaders" -}}
{{ include "ingora.fullname" . }}-custom-proxy-headers
{{- end }}

{{- define "ingora.addHeaders" -}}
{{ include "ingora.fullname" . }}-custom-add-headers
{{- end }}

{{- define "ingora.selector" -}}
app.kubernetes.io/name: {{ include "ingora.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ingora.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{ include "ingora.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "ingora.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Those of the gateway's own objects. */}}
{{- define "ingora.controllerLabels" -}}
{{ include "ingora.labels" . }}
app.kubernetes.io/component: controller
{{- with .Values.controller.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ingora.controllerSelector" -}}
{{ include "ingora.selector" . }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "ingora.defaultBackendSelector" -}}
{{ include "ingora.selector" . }}
app.kubernetes.io/component: default-backend
{{- end }}

{{- define "ingora.defaultBackendLabels" -}}
{{ include "ingora.labels" . }}
app.kubernetes.io/component: default-backend
{{- with .Values.defaultBackend.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An image: its values, the registry of all, the version if none is said. */}}
{{- define "ingora.image" -}}
{{- $path := default (printf "%s/%s" (default .registry .image.registry) .image.image) .image.repository }}
{{- with .image.digest }}
{{- printf "%s:%s@%s" $path (default $.version $.image.tag) . }}
{{- else }}
{{- printf "%s:%s" $path (default .version .image.tag) }}
{{- end }}
{{- end }}

{{/* A DaemonSet, unless somebody asks for a number of replicas. */}}
{{- define "ingora.kind" -}}
{{- $c := .Values.controller }}
{{- $counted := or $c.autoscaling.enabled $c.keda.enabled (not (kindIs "invalid" $c.replicaCount)) }}
{{- default ($counted | ternary "Deployment" "DaemonSet") $c.kind }}
{{- end }}

{{- define "ingora.replicas" -}}
{{- kindIs "invalid" .Values.controller.replicaCount | ternary 2 .Values.controller.replicaCount }}
{{- end }}

{{/* The Service whose addresses are published, if one is. */}}
{{- define "ingora.publishedService" -}}
{{- $c := .Values.controller }}
{{- if and $c.publishService.enabled (or $c.service.enabled $c.publishService.pathOverride) }}
{{- $own := printf "%s/%s" (include "ingora.namespace" .) (include "ingora.controller" .) }}
{{- if $c.publishService.pathOverride }}
{{- $c.publishService.pathOverride | replace "$(POD_NAMESPACE)" (include "ingora.namespace" .) }}
{{- else if $c.service.external.enabled }}
{{- $own }}
{{- else if $c.service.internal.enabled }}
{{- $own }}-internal
{{- end }}
{{- end }}
{{- end }}

{{/* The namespace that is served, if it is one alone. */}}
{{- define "ingora.scope" -}}
{{- if .Values.controller.scope.enabled }}
{{- default (include "ingora.namespace" .) .Values.controller.scope.namespace }}
{{- end }}
{{- end }}
