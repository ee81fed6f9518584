"""The components: they realise a plan and decide nothing. The only code that imports Pulumi."""
