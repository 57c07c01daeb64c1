"""From folders of foreign files to one annotation file or store."""
