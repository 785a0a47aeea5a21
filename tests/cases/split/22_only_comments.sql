-- nothing here;
/* nor; here */
 ;; ;
